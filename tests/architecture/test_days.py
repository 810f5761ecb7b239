"""A day belongs to a place: a moment becomes a day only through domain/places.py, never through the clock of UTC."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import LAYERS, modules

HOME = "domain/places.py"
# Simulators share no code with the platform.
PRODUCT = tuple(layer for layer in LAYERS if layer != "simulators")
TODAYS = frozenset({"today", "utcnow", "fromtimestamp", "utcfromtimestamp"})


def days_without_place(tree: ast.AST) -> list[int]:
    """Lines that ask a moment for its day, a class for today, or a database for its own day."""
    return [getattr(node, "lineno", 0) for node in ast.walk(tree) if _asks_a_moment(node) or _asks_the_database(node)]


def _asks_a_moment(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    called, on = node.func.attr, node.func.value
    day_of_a_moment = called == "date" and not node.args and not node.keywords
    zoneless_now = called == "now" and not node.args and not node.keywords and _is_class(on)
    return day_of_a_moment or zoneless_now or (called in TODAYS and _is_class(on) and len(node.args) < 2)


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in {"date", "datetime"}


def _asks_the_database(node: ast.AST) -> bool:
    written = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return any(own in written.lower() for own in ("current_date", "::date"))


def test_moments_become_days_only_in_places() -> None:
    found = [f"{module}:{line}" for module in modules(*PRODUCT) for line in days_without_place(module.tree)]
    assert [one for one in found if not one.startswith(HOME)] == [], (
        "use domain.places: at 02:00 in Beijing UTC is a day behind"
    )
    assert found, "the search finds the one place"


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC).date()", "now().date()", "self._now().date()", "date.today()", "datetime.utcnow()",
        "datetime.now()", "datetime.fromtimestamp(1)", "text('SELECT CURRENT_DATE')", "text('SELECT now()::date')",
    ],
)  # fmt: skip
def test_a_day_of_nowhere_is_found(source: str) -> None:
    assert days_without_place(ast.parse(source)) == [1]
