"""Rows keep their types: a row named as Any hides a mistyped column or a comparison of two kinds from mypy."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import modules, name_of


def test_no_row_is_hidden_behind_any() -> None:
    assert [f"{module}:{line}" for module in modules() for line in _hidden(module.tree)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "_TASK: Any = WorkItemRow",
        "table: Any = SellerRow if ours else PartnerRow",
        "other: Any = aliased(ReviewDecisionRow)",
        'cast("Any", CardRow).id',
        "_columns = cast(Any, CardRow)",
    ],
)
def test_a_planted_alias_is_found(planted: str) -> None:
    assert list(_hidden(ast.parse(planted))) == [1]
    assert list(_hidden(ast.parse("task = aliased(WorkItemRow)"))) == []


def _hidden(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            named, value = name_of(node.annotation), node.value
        elif isinstance(node, ast.Call) and name_of(node.func) == "cast" and node.args[1:]:
            named, value = ast.unparse(node.args[0]).strip("'"), node.args[1]
        else:
            continue
        if named == "Any" and _is_row(value):
            yield value.lineno


def _is_row(value: ast.expr) -> bool:
    """Whether this names a row itself: alone, as one of two, or under an alias."""
    if isinstance(value, ast.IfExp):
        return _is_row(value.body) or _is_row(value.orelse)
    if isinstance(value, ast.Call) and name_of(value.func) == "aliased":
        return any(_is_row(argument) for argument in value.args)
    return isinstance(value, ast.Name) and value.id.endswith("Row")
