"""Nothing grows past what one reading takes in."""

from __future__ import annotations

import statistics

from tests.architecture.tree import modules

FUNCTION_LINES_MAX, FUNCTION_LINES_MEDIAN, FUNCTION_LINES_P90 = 70, 8, 30
MODULE_LINES_P90, MODULE_LINES_MAX = 250, 350
# A migration is written once and never edited: it may be as long as the schema that it makes.
GROWS_WITH_THE_SCHEMA = "database/migrations/versions/"


def p90(sizes: list[int]) -> float:
    return statistics.quantiles(sizes, n=10)[-1]


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{module}: {function.name}, {_lines(function)} lines"
        for module in modules()
        for function in module.functions()
        if _lines(function) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_most_functions_are_a_few_lines() -> None:
    sizes = [_lines(function) for module in modules() for function in module.functions()]
    assert len(sizes) > 1000
    assert statistics.median(sizes) <= FUNCTION_LINES_MEDIAN
    assert p90(sizes) <= FUNCTION_LINES_P90


def test_modules_stay_small() -> None:
    written = [module for module in modules() if not str(module).startswith(GROWS_WITH_THE_SCHEMA)]
    assert p90([module.lines for module in written]) <= MODULE_LINES_P90
    assert [str(module) for module in written if module.lines > MODULE_LINES_MAX] == []


def _lines(function: object) -> int:
    first, last = getattr(function, "lineno", 0), getattr(function, "end_lineno", 0)
    return int(last) - int(first) + 1
