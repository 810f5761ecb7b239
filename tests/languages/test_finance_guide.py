"""Check that the finance guide has its pictures, its chapters and its rights right, in both languages alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.people.roles import PERMISSIONS, Permission, Role
from languages import translate

ROOT = Path(__file__).parents[2]
GUIDES = {"en": ROOT / "docs" / "finance-guide.md", "zh_CN": ROOT / "docs" / "finance-guide.zh-CN.md"}
COLUMNS = (Permission.SEE_BOOKS, Permission.CLOSE_PERIODS, Permission.CORRECT_PAYEE, Permission.AGREE_GOODWILL)
WORDS = {"en": ("yes", "no", "payouts only"), "zh_CN": ("是", "否", "仅打款")}
ROLES = (Role.FINANCE, Role.COMPLIANCE, Role.SENIOR, Role.SUPPORT_LEAD)


def text(locale: str) -> str:
    return GUIDES[locale].read_text(encoding="utf-8")


@pytest.mark.parametrize("locale", GUIDES)
def test_its_pictures_exist_in_its_language(locale: str) -> None:
    named = re.findall(r"\]\((pictures/[^)]+)\)", text(locale))
    assert len(named) > 6
    assert [one for one in named if not (ROOT / "docs" / one).is_file()] == []
    assert {one.split(".")[-2] for one in named} == {"en" if locale == "en" else "zh"}


def test_both_have_the_same_parts() -> None:
    parts = {locale: re.findall(r"^(#+)", text(locale), re.MULTILINE) for locale in GUIDES}
    assert parts["en"] == parts["zh_CN"]


@pytest.mark.parametrize("locale", GUIDES)
def test_it_says_who_may_what_as_the_roles_do(locale: str) -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text(locale), re.MULTILINE)[-4:]
    yes, no, some = WORDS[locale]
    wanted = []
    for role in ROLES:
        may = PERMISSIONS[role]
        cells = [yes if one in may else no for one in COLUMNS]
        if Permission.LEAD_SUPPORT in may:
            cells[-1] = yes  # Leads agree to goodwill by that right.
        if cells[0] == no and Permission.SEE_PAYOUTS in may:
            cells[0] = some
        wanted.append(tuple(cells))
    assert [row[1:] for row in rows] == wanted


@pytest.mark.parametrize("locale", GUIDES)
@pytest.mark.parametrize(
    "key",
    ["money.title", "console.nav.accounts", "console.nav.journal", "console.nav.months", "ops.invariants.title", "money.books.title"],
)  # fmt: skip
def test_it_calls_the_pages_what_they_are_called(locale: str, key: str) -> None:
    assert f"**{translate(key, locale)}" in text(locale)
