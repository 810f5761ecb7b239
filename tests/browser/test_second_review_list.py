"""The list of second looks at the keyboard: walked, opened, and new outcomes come to it by themselves."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from domain.people.roles import Role
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.four_eyes_scenes import staged


async def test_outcomes_come_by_themselves_and_are_opened_by_keys(house: House, browser_program: Path) -> None:
    first, _ = await staged(house)
    token = await house.sessions.open(await house.cards.person(Role.REVIEWER, "Bo"))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token) as visitor:
        page = visitor.page
        await page.goto("/second-review")
        await expect(page.locator("#rows tr[data-row]")).to_have_count(1)
        second, _ = await staged(house)
        await expect(page.locator("#rows tr[data-row]")).to_have_count(2, timeout=15_000)
        shown = [await row.get_attribute("data-row") for row in await page.locator("#rows tr[data-row]").all()]
        assert sorted(shown, key=str) == sorted([first.card_id, second.card_id])
        for key in ("j", "j", "Enter"):
            await page.keyboard.press(key)
        await page.wait_for_url(f"**/cards/{shown[1]}")
        assert visitor.complaints == []
