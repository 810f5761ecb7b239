"""No test asserts what cannot fail: `assert True`, or `… or True`, hides that nothing was checked."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import modules


def vacuous(tree: ast.AST) -> list[int]:
    """Return the lines of assertions that hold whatever the program does."""
    return [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert) and always_holds(node.test)
    ]  # fmt: skip


def always_holds(test: ast.expr) -> bool:
    """Return whether an expression is true by what it is written as."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(always_holds(one) for one in parts)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(always_holds(one) for one in parts)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=value)):
            return not value
        case ast.Tuple(elts=parts):
            return bool(parts)
    return False


def test_no_assertion_is_always_true() -> None:
    found = [f"{module}:{line}" for module in modules("tests", "benchmarks", "docs") for line in vacuous(module.tree)]
    assert found == [], f"these cannot fail, so what they were meant to check is not checked: {found}"


@pytest.mark.parametrize(
    "line", ["assert True", "assert x or True", "assert a and b or 1", "assert not False", 'assert (x, "why")']
)
def test_assertions_that_cannot_fail_are_found(line: str) -> None:
    assert vacuous(ast.parse(line)) == [1]


@pytest.mark.parametrize("line", ["assert x", "assert x or y", "assert x and True", "assert False", "assert not x"])
def test_assertions_that_can_fail_are_not(line: str) -> None:
    assert vacuous(ast.parse(line)) == []
