"""Moments that partners write: only one that means the same to everybody is read."""

from __future__ import annotations

import ast
from datetime import UTC, datetime

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


def test_no_gateway_reads_a_moment_by_itself() -> None:
    """A second reader of moments would take one without a zone, and a later step would fail on comparing it."""
    readers = [
        f"{path.relative_to(PROJECT_ROOT)}:{node.lineno}"
        for path in (PROJECT_ROOT / "gateways").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "datetime.fromisoformat"
    ]
    assert [reader for reader in readers if not reader.startswith("gateways/answers.py")] == []
