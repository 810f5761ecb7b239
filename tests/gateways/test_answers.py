"""Moments that partners write: only an unambiguous one is read."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime

import pytest

from bootstrap.settings import PROJECT_ROOT
from gateways import answers


@pytest.mark.parametrize("written", ["2026-11-27T20:00:00+08:00", "2026-11-27T12:00:00Z"])
def test_a_moment_with_its_zone_is_read_in_utc(written: str) -> None:
    assert answers.moment({"at": written}, "at") == datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2026-11-27T20:00:00", "2026-11-27", "1999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "soon", ""],
)  # fmt: skip
def test_a_moment_without_zone_or_far_from_now_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        answers.moment({"at": written}, "at")


def test_all_gateways_read_moments_through_one_function() -> None:
    """A second reader of moments would take one without a zone, and a later step would fail on comparing it."""
    readers = [
        f"{path.relative_to(PROJECT_ROOT)}:{node.lineno}"
        for path in (PROJECT_ROOT / "gateways").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "datetime.fromisoformat"
    ]
    assert [reader for reader in readers if not reader.startswith("gateways/answers.py")] == []


@pytest.mark.parametrize("stated", [-1, 10**30, True, 1.5, "10", None])
def test_a_cost_that_is_no_amount_of_fen_is_refused(stated: object) -> None:
    with pytest.raises(ValueError, match="cost_fen"):
        answers.cost({"cost_fen": stated})


@pytest.mark.parametrize(("fields", "fen"), [({}, 0), ({"cost_fen": 0}, 0), ({"cost_fen": 10}, 10)])
def test_a_cost_is_read_in_fen_and_none_is_nothing(fields: dict[str, int], fen: int) -> None:
    assert answers.cost(fields) == fen


@pytest.mark.parametrize("stated", [-1, 10**30, True, "3"])
def test_a_count_that_is_none_is_refused(stated: object) -> None:
    with pytest.raises(ValueError, match="tries_left"):
        answers.count({"tries_left": stated}, "tries_left")


@pytest.mark.parametrize("written", ["0001-01-01", "9999-12-31", "2100-01-01"])
def test_a_day_far_from_now_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="expires_on"):
        answers.day({"expires_on": written}, "expires_on")


def test_a_usual_day_and_none_are_read() -> None:
    assert answers.day({"expires_on": "2028-06-30"}, "expires_on") == date(2028, 6, 30)
    assert answers.day({}, "expires_on") is None
