"""Check that the support guide names keys and pictures that exist, in both languages alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reviewer_ui.keys import KEYS

ROOT = Path(__file__).parents[2]
GUIDES = {"en": ROOT / "docs" / "support-guide.md", "zh_CN": ROOT / "docs" / "support-guide.zh-CN.md"}
TICKET_KEYS = set("NUOERAFZCTMHXS")
TEMPLATES = ROOT / "reviewer_ui" / "templates"


def text(locale: str) -> str:
    return GUIDES[locale].read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", GUIDES)
def test_the_guide_names_every_key_of_the_ticket_page_and_no_other(locale: str) -> None:
    pages = [*(TEMPLATES / "support").glob("*ticket*.html"), TEMPLATES / "base.html"]
    used = {key.upper() for one in pages for key in re.findall(r'data-key="(\w)"', one.read_text(encoding="utf-8"))}
    assert used >= TICKET_KEYS
    assert set(re.findall(r"`([A-Z])`", text(locale))) == TICKET_KEYS
    assert {key.shown for key in KEYS} >= TICKET_KEYS


@pytest.mark.parametrize("locale", GUIDES)
def test_its_pictures_exist_in_its_language(locale: str) -> None:
    named = re.findall(r"\]\((pictures/[^)]+)\)", text(locale))
    assert len(named) > 6
    assert [one for one in named if not (ROOT / "docs" / one).is_file()] == []
    assert {one.split(".")[-2] for one in named} == {"en" if locale == "en" else "zh"}


def test_both_have_the_same_parts() -> None:
    parts = {locale: re.findall(r"^(#+)", text(locale), re.MULTILINE) for locale in GUIDES}
    assert parts["en"] == parts["zh_CN"]
