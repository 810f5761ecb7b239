"""Every icon that a page of ours names is in the sprite that set-up builds: a missing one would be an empty place, and no error."""

from __future__ import annotations

import re

from bootstrap.settings import PROJECT_ROOT
from bootstrap.setup.assets import ICONS, destinations
from reviewer_ui.navigation import PAGES

CALL = re.compile(r"\bicon\((.*?)\)\s*\}\}", re.S)
NAME = re.compile(r"(?<!== )'([a-z0-9-]+)'(?!\s*:)")  # Neither what is compared with nor the key of a choice.


def named() -> dict[str, str]:
    """Icon → a template that names it."""
    found: dict[str, str] = {}
    for site in ("reviewer_ui", "seller_ui"):
        for template in sorted((PROJECT_ROOT / site / "templates").rglob("*.html")):
            for call in CALL.findall(template.read_text(encoding="utf-8")):
                found |= dict.fromkeys(NAME.findall(call), template.name)
    return found


def test_every_icon_named_in_a_template_is_kept_in_the_sprite() -> None:
    used = named()
    assert len(used) > 50
    assert {icon: where for icon, where in used.items() if icon not in ICONS} == {}
    assert {page.icon for page in PAGES if page.icon} - set(ICONS) == set()


def test_the_sprite_of_both_sites_is_the_one_that_is_asked_for() -> None:
    for folder in destinations(PROJECT_ROOT):
        drawn = re.findall(r'<symbol id="tabler-([^"]+)"', (folder / "icons.svg").read_text(encoding="utf-8"))
        assert sorted(drawn) == sorted(ICONS), "run `make setup`"
