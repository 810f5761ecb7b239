"""Rows come in no order that a statement does not ask for: a list of them differs from day to day, and a page repeats some and leaves out others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

import pytest

from tests.architecture.tree import LAYERS, Function, Module, modules, name_of

PAGE = "LIMIT without ORDER BY: PostgreSQL chooses any rows, so two pages share some and miss others"
ROWS = "a list of rows without ORDER BY changes from run to run: order the statement, or return a set or a mapping"
FLAKY = (
    "rows without ORDER BY are compared in an order: the test fails on some days; order the statement, or compare sets"
)
ASKS = frozenset({"execute", "scalars", "stream"})
# What these make has no order, or one of its own.
SETTLES = frozenset(
    "sorted set frozenset dict Counter len sum any all min max bool scalar_one one first scalar_one_or_none".split()
)
SQL = re.compile(r"\bSELECT\b.+\bFROM\b", re.DOTALL)
WINDOW = re.compile(r"\bOVER \([^)]*\)")
SEVERAL = re.compile(r"\bLIMIT (?!1\b)")


def test_each_statement_that_is_cut_off_has_an_order() -> None:
    written = [one for one in modules(*LAYERS) if re.search(r"limit\(|LIMIT", one.source)]
    assert [f"{module}:{line}" for module in written for line in cut_off(module.tree)] == [], PAGE


def test_each_list_of_rows_has_an_order() -> None:
    written = [one for one in modules(*LAYERS, "tests") if not one.path.is_relative_to("database/migrations")]
    assert _where(written, returned) == [], ROWS


def test_no_test_compares_rows_in_the_order_in_which_they_happen_to_come() -> None:
    assert _where(modules("tests"), compared) == [], FLAKY


@pytest.mark.parametrize(
    "planted",
    [
        "def page(session):\n    return select(Row).where(Row.x == 1).limit(PAGE)",
        "_PAGE = 'SELECT id FROM card WHERE x LIMIT :most'",
        "_PAGE = f'SELECT row_number() OVER (ORDER BY {id}) FROM card LIMIT :most'",
    ],
)
def test_a_page_without_an_order_is_found(planted: str) -> None:
    assert len(list(cut_off(ast.parse(planted)))) == 1


@pytest.mark.parametrize(
    "planted",
    [
        "def page(session):\n    return select(Row).order_by(Row.id).limit(PAGE)",
        "def page(session):\n    return _ordered(select(Row)).limit(PAGE)\ndef _ordered(one):\n    return one.order_by(Row.id)",
        "def is_there(session):\n    return select(Row.id).where(Row.x == 1).limit(1)",
        "def at_most(*where):\n    return select(literal(1)).where(*where).limit(100).subquery()",
        "_NEWEST = 'SELECT id FROM card ORDER BY at DESC LIMIT :most'",
    ],
)
def test_a_page_with_an_order_is_not(planted: str) -> None:
    assert list(cut_off(ast.parse(planted))) == []


@pytest.mark.parametrize(
    "body",
    [
        "return list((await session.execute(select(Row))).scalars())",
        "return [row.id for row in await session.execute(select(Row))]",
        "found = (await session.execute(select(Row))).scalars().all()\n    return tuple(found)",
        "return list(await session.scalars(text('SELECT id FROM card')))",
    ],
)
def test_a_list_without_an_order_is_found(body: str) -> None:
    assert list(returned(_function(body))) == [_function(body).body[-1].lineno]


@pytest.mark.parametrize(
    "body",
    [
        "return sorted((await session.execute(select(Row))).scalars())",
        "return {row.id for row in await session.execute(select(Row))}",
        "return list((await session.execute(select(Row).order_by(Row.id))).scalars())",
        "row = (await session.execute(select(Row))).one()\n    return [row.id, row.name]",
        "return list(await session.scalars(text('SELECT id FROM card ORDER BY id')))",
    ],
)
def test_other_answers_are_not(body: str) -> None:
    assert list(returned(_function(body))) == []


@pytest.mark.parametrize(
    "body",
    [
        "rows = (await session.execute(select(Row.act))).scalars().all()\n    assert rows == ['draft', 'publish']",
        "assert [row.act for row in await session.scalars(select(Row))] == ['draft', 'publish']",
        "first, second = (await session.execute(select(Row))).scalars()",
    ],
)
def test_a_comparison_in_an_order_is_found(body: str) -> None:
    assert len(list(compared(_function(body)))) == 1


@pytest.mark.parametrize(
    "body",
    [
        "rows = (await session.execute(select(Row.act))).scalars().all()\n    assert rows == ['draft']",
        "rows = (await session.execute(select(Row.act))).scalars().all()\n    assert sorted(rows) == ['draft', 'publish']",
        "row = (await session.execute(select(Row))).one()\n    assert (row.act, row.by) == ('draft', 'Lin')",
        "[row] = (await session.execute(select(Row))).scalars()",
    ],
)
def test_other_comparisons_are_not(body: str) -> None:
    assert list(compared(_function(body))) == []


def cut_off(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of statements that are cut off after several rows and have no order."""
    for function in _outermost(tree):
        for node in ast.walk(function):
            if _is_limit(node) and not _has_order(function, tree):
                yield node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            written = WINDOW.sub("", _text(node))
            if SQL.search(written) and SEVERAL.search(written) and "ORDER BY" not in written:
                yield node.lineno


def returned(function: Function, tree: ast.Module | None = None) -> Iterator[int]:
    """Yield the lines that return a statement's rows as a list or tuple, where nothing orders them."""
    if not _asks(function) or _has_order(function, tree):
        return
    rows = _named_rows(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None and _is_list(node.value, rows):
            yield node.lineno


def compared(function: Function, tree: ast.Module | None = None) -> Iterator[int]:
    """Yield the lines where a statement's rows are compared with several values in an order, or unpacked into several."""
    if not _asks(function) or _has_order(function, tree):
        return
    rows = _named_rows(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            sides = [node.left, *node.comparators]
            if any(_is_several(one) for one in sides) and any(_is_rows(one, rows) for one in sides):
                yield node.lineno
        if isinstance(node, ast.Assign) and _is_several(node.targets[0]) and _is_rows(node.value, rows):
            yield node.lineno


def _where(written: tuple[Module, ...] | list[Module], lines: object) -> list[str]:
    assert callable(lines)
    return [
        f"{module}:{line}"
        for module in written
        if "select" in module.source.lower()
        for function in _outermost(module.tree)
        for line in lines(function, module.tree)
    ]


def _outermost(tree: ast.Module) -> Iterator[Function]:
    """Yield the functions and methods of a module; inner functions belong to the one around them."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from (one for one in node.body if isinstance(one, Function))


def _is_limit(node: ast.AST) -> TypeGuard[ast.Call]:
    """Return whether this is `.limit(several)` on a statement of rows, not on what is only counted or looked for."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "limit":
        return False
    one_row = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 1
    return not one_row and "literal" not in _names(node.func.value)


def _has_order(function: Function, tree: ast.Module | None) -> bool:
    """Return whether the function, or one of its module that it calls, orders what it asks for."""
    called = _names(function)
    beside = [one for one in _outermost(tree) if one.name in called] if tree is not None else []
    return any("order_by" in _names(one) or "ORDER BY" in _texts(one) for one in (function, *beside))


def _asks(function: Function) -> bool:
    return "select" in _names(function) or SQL.search(_texts(function)) is not None


def _named_rows(function: Function) -> frozenset[str]:
    """Return the names that hold the rows of a statement, in the order in which they came."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_rows(node.value, found):
            found.add(node.targets[0].id)
    return frozenset(found)


def _is_rows(value: ast.expr, rows: set[str] | frozenset[str]) -> bool:
    """Return whether the value is a statement's rows: the answer itself, all of it, or a list made of it."""
    if isinstance(value, ast.Await):
        return _is_rows(value.value, rows)
    if isinstance(value, ast.ListComp | ast.GeneratorExp):
        return _is_rows(value.generators[0].iter, rows)
    if isinstance(value, ast.List | ast.Tuple):
        return any(_is_rows(one.value, rows) for one in value.elts if isinstance(one, ast.Starred))
    if isinstance(value, ast.Call):
        called = name_of(value.func)
        if called in ASKS and isinstance(value.func, ast.Attribute) and value.args:
            return True
        if called in SETTLES and called != "all":
            return False
        on = value.func.value if isinstance(value.func, ast.Attribute) else None
        inner = [one for one in (on, *value.args) if one is not None]
        return called in {"list", "tuple", "scalars", "all", "mappings"} and any(_is_rows(one, rows) for one in inner)
    return isinstance(value, ast.Name) and value.id in rows


def _is_list(value: ast.expr, rows: frozenset[str]) -> bool:
    made = isinstance(value, ast.List | ast.Tuple | ast.ListComp) or (
        isinstance(value, ast.Call) and name_of(value.func) in {"list", "tuple", "all"}
    )
    return made and _is_rows(value, rows)


def _is_several(value: ast.expr) -> bool:
    return isinstance(value, ast.List | ast.Tuple) and len(value.elts) > 1


def _names(node: ast.AST) -> set[str]:
    return {name for part in ast.walk(node) if (name := name_of(part)) is not None}


def _text(node: ast.AST) -> str:
    """Return the fixed words of a text; what is put into it is left out."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return " ".join(str(one.value) for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _texts(node: ast.AST) -> str:
    return "\n".join(_text(one) for one in ast.walk(node) if isinstance(one, ast.Constant | ast.JoinedStr))


def _function(body: str) -> Function:
    [made] = ast.parse(f"async def asked(session):\n    {body}").body
    assert isinstance(made, Function)
    return made
