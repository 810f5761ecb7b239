"""A senior at the queue with a decision that did not arrive: seen, read, and reopened with the keyboard, with and without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors.cards import DuplicateCard
from domain.people.roles import Role
from domain.work.task import CameBack
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.undelivered_scenes import a_refused_decision

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("locale", "theme"), [("zh_CN", "dark"), pytest.param("en", "light", marks=pytest.mark.thorough)]
)
async def test_it_is_readable_in_either_theme_and_on_a_phone(
    house: House, browser_program: Path, locale: str, theme: str
) -> None:
    waiting, _ = await a_refused_decision(house, DuplicateCard(card=1))
    jin = await house.sessions.open(await house.cards.person(Role.SENIOR, "Jin"))
    async with desks(house, browser_program) as made:
        for size in (DESK, PHONE):
            async with made.visit(jin, locale=locale, theme=theme, size=size) as visitor:
                for path in ("/review?all=yes", f"/cards/{waiting.card_id}"):
                    await visitor.page.goto(path)
                    assert await faults(visitor.page) == []
                    wide = await visitor.page.evaluate("() => document.documentElement.scrollWidth")
                    assert wide <= size["width"]
                assert visitor.complaints == []


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.thorough)])
async def test_it_is_reopened_by_keyboard_alone(house: House, browser_program: Path, scripts: bool) -> None:
    waiting, _ = await a_refused_decision(house, DuplicateCard(card=1))
    jin = await house.sessions.open(await house.cards.person(Role.SENIOR, "Jin"))
    async with desks(house, browser_program) as made, made.visit(jin, scripts=scripts) as visitor:
        page = visitor.page
        await page.goto("/review?all=yes")
        await page.get_by_label("Reason for reopening").focus()
        await page.keyboard.type("It must")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/cards/{waiting.card_id}")
        assert (await house.cards.task(waiting)).came_back is CameBack.UNDELIVERED
        await page.goto("/review?all=yes")
        assert await page.get_by_text("The decision could not be applied").count() == 1
        assert await page.get_by_text("Reopen").count() == 0
