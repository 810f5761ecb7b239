"""Badges have the few colours whose words can be read in both themes: `reviewer_ui/static/console.css` sets what Tabler lacks."""

from __future__ import annotations

import re

from bootstrap.settings import PROJECT_ROOT

READABLE = {"blue", "green", "orange", "red", "secondary"}
COLOUR = re.compile(r"bg-([a-z]+)-lt")


def test_badges_have_readable_colours() -> None:
    written = [
        (path.relative_to(PROJECT_ROOT).as_posix(), colour)
        for room in ("reviewer_ui", "seller_ui")
        for path in sorted((PROJECT_ROOT / room).rglob("*"))
        if path.suffix in (".html", ".py") and "vendor" not in path.parts
        for colour in COLOUR.findall(path.read_text(encoding="utf-8"))
    ]
    assert {colour for _, colour in written} >= {"orange", "green"}, "the lint must find the badges"
    assert [one for one in written if one[1] not in READABLE] == []
