"""The shell around every page: rail and bar on a laptop, a drawer on a phone; with scripts and without."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route

from domain.people.roles import Role
from reviewer_ui.navigation import PAGES
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.queue_scenes import person_with
from web.live import LOOK_S

# The bell is refreshed between the end of the session and the answer to signing out: it is answered "not signed in".
BELL_WHILE_LEAVING = f"""() => document.addEventListener('submit',
  () => setTimeout(() => document.body.dispatchEvent(new Event('unheard')), {1000 * LOOK_S}))"""
ON_RAIL = sum(1 for page in PAGES if page.icon)
# Every visible part of the bar, as how far its middle lies from the bar's own, and how far right anything reaches.
MEASURE = """() => {
  const bar = document.querySelector('.bar'), box = bar.getBoundingClientRect();
  const parts = [...bar.querySelectorAll(':scope > *')].map((one) => one.getBoundingClientRect()).filter((one) => one.width);
  const first = parts.filter((one) => one.top < box.top + 40);
  return {
    off: Math.max(...first.map((one) => Math.abs((one.top + one.bottom) / 2 - (first[0].top + first[0].bottom) / 2))),
    right: Math.max(...parts.map((one) => one.right)), height: box.height,
    over: first.slice(1).filter((one, place) => one.left < first[place].left).length,
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


@pytest.mark.parametrize("locale", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
async def test_on_a_laptop_the_bar_is_one_line_and_the_rail_names_every_page(
    house: House, browser_program: Path, locale: str
) -> None:
    token = await _with_everything(house)
    async with desks(house, browser_program) as office, office.visit(token, locale=locale) as at:
        await at.page.goto("/review")
        assert await at.page.locator(".rail-area a:visible").count() == ON_RAIL
        found = await _measured(at.page)
        assert found["off"] < 2, found
        assert found["height"] < 50, found
        assert found["right"] <= DESK["width"], found
        assert found["page"] <= DESK["width"], found
        assert not await at.page.locator(".drawer").is_visible()
    assert at.complaints == []


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.thorough)])
async def test_the_rail_stays_as_it_was_left(house: House, browser_program: Path, scripts: bool) -> None:
    """On the card page, where width is scarce, it is collapsed until it is opened there."""
    waiting = await house.cards.waiting()
    token = await _with_everything(house)
    async with desks(house, browser_program) as office, office.visit(token, scripts=scripts) as at:
        page, card = at.page, f"/cards/{waiting.card_id}"
        await page.goto("/review?sort=due")
        assert await page.locator(".rail-open").count() == 1
        await page.click(".rail button[name=rail]")
        await page.wait_for_selector(".rail:not(.rail-open)")
        assert page.url.endswith("/review?sort=due")
        await page.goto("/insight")
        assert await page.locator(".rail-open").count() == 0
        await page.click(".rail button[name=rail]")
        await page.wait_for_selector(".rail-open")
        await page.goto(card)
        assert await page.locator(".rail-open").count() == 0
        await page.click(".rail button[name=rail]")
        await page.wait_for_selector(".rail-open")
        await page.goto(card)
        assert await page.locator(".rail-open").count() == 1
    assert at.complaints == []


async def test_breadcrumbs_lead_back(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    token = await _with_everything(house)
    async with desks(house, browser_program) as office, office.visit(token) as at:
        await at.page.goto(f"/cards/{waiting.card_id}/why-due")
        words = [one.strip() for one in await at.page.locator(".crumbs li").all_inner_texts()]
        assert words[0] == "Cards & sellers"
        assert waiting.card_id[-6:] in words[2]
        assert await at.page.locator(".crumbs [aria-current=page]").count() == 1
        await at.page.click(f".crumbs a[href='/cards/{waiting.card_id}']")
        await at.page.wait_for_url(f"**/cards/{waiting.card_id}")
    assert at.complaints == []


async def _answered_late(route: Route) -> None:
    """The session is over, and the stream says so, before the answer to signing out has come."""
    answer = await route.fetch(max_redirects=0)
    await asyncio.sleep(2.5 * LOOK_S)
    await route.fulfill(response=answer)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.thorough)])
async def test_on_a_phone_the_rail_is_a_drawer(house: House, browser_program: Path, scripts: bool) -> None:
    token = await _with_everything(house)
    async with desks(house, browser_program) as office, office.visit(token, size=PHONE, scripts=scripts) as at:
        page = at.page
        await page.goto("/review")
        if scripts:
            found = await _measured(page)
            assert (found["off"] < 2, found["height"] < 90, found["right"] <= PHONE["width"]) == (True, True, True), (
                found
            )
        assert not await page.locator(".rail").is_visible()
        await page.click(".drawer > summary")
        assert await page.locator(".drawer .rail-area a:visible").count() == ON_RAIL
        box = await page.locator(".drawer .menu-box").bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["width"]
        if scripts:
            assert await faults(page) == []
        await page.click(".drawer a[href='/insight']")
        await page.wait_for_url("**/insight")
        await page.click(".bar-menu > summary")
        await page.click(".bar-menu [name=theme][value=dark]")
        await page.wait_for_selector("html[data-bs-theme=dark]")
        if scripts:
            await page.evaluate(BELL_WHILE_LEAVING)
        await page.route("**/sign-out", _answered_late)
        await page.click(".bar-menu > summary")
        await page.click(".bar-menu form[action='/sign-out'] button")
        await page.wait_for_url("**/sign-in")
    assert at.complaints == []
