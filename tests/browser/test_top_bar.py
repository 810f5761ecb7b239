"""The bar above every page: one line on a laptop for who has every area, one line and a menu on a phone, scripts or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from domain.people.roles import Role
from reviewer_ui.visit import AREAS
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.queue_scenes import person_with

# Every visible part of the bar, as how far its middle lies from the bar's own, and how far right anything reaches.
MEASURE = """() => {
  const bar = document.querySelector('.bar'), box = bar.getBoundingClientRect();
  const parts = [...bar.querySelectorAll(':scope > *, .bar-wide > a')].map((one) => one.getBoundingClientRect()).filter((one) => one.width);
  return {
    off: Math.max(...parts.map((one) => Math.abs((one.top + one.bottom - box.top - box.bottom) / 2))),
    right: Math.max(...parts.map((one) => one.right)), height: box.height,
    over: parts.slice(1).filter((one, place) => one.left < parts[place].left).length,
    page: document.documentElement.scrollWidth,
  };
}"""


async def _with_everything(house: House) -> str:
    """The session of a senior who has every other role as well."""
    everything = [role.value for role in Role]
    return await house.sessions.open(await person_with(house, Role.SENIOR, "欧阳雪梅 Ouyang", roles=everything))


async def _measured(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(MEASURE)
    return found


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
async def test_on_a_laptop_every_area_stands_in_one_line(house: House, browser_program: Path, locale: str) -> None:
    token = await _with_everything(house)
    async with desks(house, browser_program) as office, office.visit(token, locale=locale) as at:
        await at.page.goto("/review")
        assert await at.page.locator(".bar-nav a:visible").count() == len(AREAS)
        found = await _measured(at.page)
        assert found["off"] < 2, found
        assert found["height"] < 50, found
        assert found["right"] <= DESK["width"], found
        assert not await at.page.locator(".bar-folded").is_visible()
    assert at.complaints == []


@pytest.mark.parametrize("scripts", [True, False])
async def test_on_a_phone_it_folds_into_a_menu(house: House, browser_program: Path, scripts: bool) -> None:
    token = await _with_everything(house)
    async with desks(house, browser_program) as office, office.visit(token, size=PHONE, scripts=scripts) as at:
        page = at.page
        await page.goto("/review")
        if scripts:
            found = await _measured(page)
            assert (found["off"] < 2, found["height"] < 60, found["right"] <= PHONE["width"]) == (True, True, True), (
                found
            )
        assert await page.locator(".bar a:visible").count() == 2  # The name, which leads home, and the bell.
        await page.click(".bar-menu > summary")
        assert await page.locator(".bar-folded a:visible").count() == len(AREAS)
        box = await page.locator(".bar-menu .menu-box").bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["width"]
        if scripts:
            assert await faults(page) == []
        await page.click(".bar-folded a[href='/insight']")
        await page.wait_for_url("**/insight")
        await page.click(".bar-menu > summary")
        await page.click(".bar-menu [name=theme][value=dark]")
        await page.wait_for_selector("html[data-bs-theme=dark]")
        await page.click(".bar-menu > summary")
        await page.click(".bar-menu form[action='/sign-out'] button")
        await page.wait_for_url("**/sign-in")
    assert at.complaints == []
