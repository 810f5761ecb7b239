"""Templates of the console take parts of others as its modules do: from their own area, from one below, or from none."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bootstrap.settings import PROJECT_ROOT

CONTRACT = "Areas of the console import downhill"
PART = re.compile(r"""{%-?\s*(?:from|import|include|extends)\s+["'](\w+)/[\w/]+\.html["']""")


def heights() -> dict[str, int]:
    """How high each area stands; areas of one line stand equally high."""
    told = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (one for one in told["contracts"] if one["name"] == CONTRACT)
    lines = enumerate(reversed(contract["layers"]))
    return {area: height for height, line in lines for area in re.split(r" [:|] ", line)}


def climbing(folder: Path) -> list[str]:
    """Each template that takes a part from an area above its own, or, as one of no area, from any."""
    high, found = heights(), []
    for path in sorted(folder.rglob("*.html")):
        own = path.relative_to(folder).parts[0] if path.parent != folder else ""
        for area in PART.findall(path.read_text(encoding="utf-8")):
            if area != own and (not own or high[area] > high[own]):
                found.append(f"{path.relative_to(folder)} → {area}")
    return found


def test_no_template_takes_a_part_from_an_area_above_its_own() -> None:
    assert climbing(PROJECT_ROOT / "reviewer_ui" / "templates") == []


@pytest.mark.parametrize(
    ("template", "part", "found"),
    [
        ("work/queue.html", '{% include "review/_reopen.html" %}', ["work/queue.html → review"]),
        ("finance/break.html", "{% from 'support/_acts.html' import acts %}", ["finance/break.html → support"]),
        ("base.html", '{% import "work/_comments.html" as talk %}', ["base.html → work"]),
        ("support/ticket.html", '{% from "work/_comments.html" import form %}', []),
        ("review/card.html", '{% extends "review/page.html" %}', []),
    ],
)
def test_a_part_from_above_is_found(tmp_path: Path, template: str, part: str, found: list[str]) -> None:
    (tmp_path / template).parent.mkdir(exist_ok=True)
    (tmp_path / template).write_text(part, encoding="utf-8")
    assert climbing(tmp_path) == found
