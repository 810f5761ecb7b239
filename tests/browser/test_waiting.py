"""A page that is long in coming: its place is shown soon, words a little later, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from domain.people.roles import Role
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

# A page that is about to be left answers no questions: it tells of its changes by itself.
TELLING = """addEventListener("DOMContentLoaded", () => {
  const tell = () => noted([document.body.classList.contains("waiting"), document.getElementById("waiting").textContent,
    document.querySelector("main").getBoundingClientRect().height]);
  const observer = new MutationObserver(tell);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  observer.observe(document.getElementById("waiting"), { childList: true });
  tell();
});"""


async def _states_of(page: Page) -> list[Any]:
    """What the page tells of itself from now on: covered or not, the words, the height of its content."""
    told: list[Any] = []
    await page.expose_function("noted", lambda state: told.append(state))
    await page.add_init_script(TELLING)
    return told


async def _slow(page: Page, path: str, seconds: float) -> None:
    async def later(route: Route) -> None:
        await asyncio.sleep(seconds)
        await route.continue_()

    await page.route(path, later)


@pytest.mark.parametrize(
    ("locale", "words"),
    [("zh_CN", "处理中，请稍候……"), pytest.param("en", "Still working…", marks=pytest.mark.thorough)],
)
async def test_a_slow_page_shows_its_place_then_says_so_and_then_comes(
    house: House, browser_program: Path, locale: str, words: str
) -> None:
    await house.cards.waiting()
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token, locale=locale) as visitor:
        told = await _states_of(visitor.page)
        await visitor.page.goto("/review")
        await _slow(visitor.page, "**/review/next", 4)
        await visitor.page.keyboard.press("n")
        await visitor.page.wait_for_url("**/cards/*")
        (before, covered, still), after = told[:3], told[3:]
        assert [one[:2] for one in (before, covered, still)] == [[False, ""], [True, ""], [True, words]]
        assert before[2] == covered[2] == still[2], "nothing jumps"
        assert [one[0] for one in after if one[0]] == [], "the page that came is not covered"
        assert visitor.complaints == []


async def test_what_does_not_leave_the_page_covers_nothing(house: House, browser_program: Path) -> None:
    await house.cards.waiting()  # Figures without anything in them have no file.
    token = await house.sessions.open(await house.cards.person(Role.ADMIN))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token) as visitor:
        page = visitor.page
        await page.goto("/insight")
        async with page.expect_download():
            await page.locator("a[href*='.csv']").first.click()
        await page.wait_for_timeout(600)  # Twice as long as the place of a slow page takes to appear.
        await expect(page.locator("body.waiting")).not_to_be_attached()


async def test_stopping_a_slow_page_uncovers_the_old_one(house: House, browser_program: Path) -> None:
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token) as visitor:
        page, told = visitor.page, await _states_of(visitor.page)
        await page.goto("/review")
        await _slow(page, "**/cards", 3)
        await page.locator(".rail a[href='/cards']").first.click(no_wait_after=True)
        await asyncio.sleep(1)
        await page.keyboard.press("Escape")
        await page.wait_for_url("**/cards")
        assert [one[0] for one in told[:3]] == [False, True, False]
