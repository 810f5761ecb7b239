"""The card page on a laptop: one screen without scrolling, for every type of card, in both languages and themes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from domain import identifiers
from domain.people.roles import Role
from domain.review.card_risks import CARDS_A_DAY_MAX
from reviewer_ui.undoing import COOKIE as UNDO_COOKIE
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.deciding import decide, taken, with_undo
from tests.reviewer_ui.scenes import SAMPLES, show_photo, sold_by
from tests.reviewer_ui.waiting_cards import Waiting

ONE_TYPE = "amazon-us"  # Of another currency than the others; `make thorough` opens all.
# How far the page and each of its parts reach: neither the page nor a part of it scrolls or is cut off at the side.
MEASURE = """() => ({
  height: document.scrollingElement.scrollHeight, width: document.scrollingElement.scrollWidth,
  wide: [...document.querySelectorAll('.card-grid > section, .decision, .card-head')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className),
  hidden: [...document.querySelectorAll('.card-grid > section')]
    .filter((one) => one.scrollHeight > one.clientHeight + 1).map((one) => one.className),
  fields: [...document.querySelectorAll('tr[data-field]')].map((one) => one.getBoundingClientRect().bottom),
  photo: document.querySelector('[data-photo] > svg').getBoundingClientRect().height,
  bottom: document.querySelector('.card-page').getBoundingClientRect().bottom,
})"""
# The line that comes last, and that may push a button of the head to another row.
NEXT_IS_NAMED = "() => document.querySelector('.next-preview').textContent.trim() !== ''"
PHOTO_HEIGHT_MIN = 110


async def _held(house: House, brand_code: str) -> tuple[Waiting, str]:
    """Return a card of that brand with many risks, claimed by the token's person; its seller and another know the photo.

    The page lists at most five similar cards, so those that other tests left behind add no line to it.
    """
    seller = f"seller:{identifiers.new_id()}"
    reasons = ("card_type", "low_confidence", "conflicting_answers", "high_value")
    waiting = await house.cards.waiting(brand_code=brand_code, reasons=reasons)
    others = [await house.cards.waiting(brand_code=brand_code) for _ in range(CARDS_A_DAY_MAX + 1)]
    for one, owner in zip((waiting, *others), (*[seller] * (CARDS_A_DAY_MAX + 1), "seller:2"), strict=True):
        await show_photo(house, one, SAMPLES[brand_code])
        await sold_by(house, one, owner)
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    await post(house.browser(token), f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    return waiting, token


async def _measured(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(MEASURE)
    return found


@pytest.mark.parametrize(
    "brand_code",
    [pytest.param(one, marks=[] if one == ONE_TYPE else pytest.mark.thorough) for one in sorted(SAMPLES)],
)
async def test_every_type_fits_in_both_languages_and_themes(
    house: House, browser_program: Path, brand_code: str
) -> None:
    waiting, token = await _held(house, brand_code)
    async with desks(house, browser_program) as open_desks:
        async with open_desks.visit(token) as visitor:  # One window for all: opening one costs more than a page.
            for locale, theme in (("zh_CN", "light"), ("en", "dark"), ("en", "light"), ("zh_CN", "dark")):
                await open_desks.set_to(visitor, locale=locale, theme=theme)
                await visitor.page.goto(f"/cards/{waiting.card_id}")
                await visitor.page.wait_for_selector("[data-photo] .photo-tools:not([hidden])")
                await visitor.page.wait_for_function(NEXT_IS_NAMED)
                found = await _measured(visitor.page)
                case = (brand_code, locale, theme, found)
                assert found["height"] <= DESK["height"], case
                assert found["width"] <= DESK["width"], case
                assert found["bottom"] <= DESK["height"], case
                assert found["photo"] >= PHOTO_HEIGHT_MIN, case
                assert (found["wide"], found["hidden"]) == ([], []), case
                assert max(found["fields"]) < DESK["height"], case
                await visitor.page.click("[data-photo-act=brighter]")
                assert (await _measured(visitor.page))["height"] <= DESK["height"], case
                assert visitor.complaints == [], case


async def test_on_a_phone_it_is_one_column_without_scrolling_sideways(house: House, browser_program: Path) -> None:
    waiting, token = await _held(house, "starbucks")
    async with desks(house, browser_program) as open_desks:
        async with open_desks.visit(token, size=PHONE) as visitor:
            for locale in ("zh_CN", "en"):
                await open_desks.set_to(visitor, locale=locale)
                await visitor.page.goto(f"/cards/{waiting.card_id}")
                found = await _measured(visitor.page)
                assert found["width"] <= PHONE["width"], (locale, found)
                assert visitor.complaints == []


# The reasons of the open menu that something else lies over.
COVERED = """() => [...document.querySelectorAll('details.menu[open] .menu-box button, details.menu[open] .menu-box label')]
  .filter((one) => { const at = one.getBoundingClientRect();
    return !one.contains(document.elementFromPoint(at.left + at.width / 2, at.top + at.height / 2)); })
  .map((one) => one.textContent.trim())"""


async def test_an_open_menu_lies_over_the_bar_that_undoes(house: House, browser_program: Path) -> None:
    with_undo(house, 60)
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    browser = house.browser(token)
    first, second = await taken(house, browser), await taken(house, browser)
    await decide(browser, first, act="reject:forged")
    async with desks(house, browser_program) as open_desks, open_desks.visit(token) as visitor:
        made = browser.cookies[UNDO_COOKIE]
        await visitor.context.add_cookies([{"name": UNDO_COOKIE, "value": made, "url": open_desks.address}])
        await visitor.page.goto(f"/cards/{second.card_id}")
        assert await visitor.page.locator(".undo-bar").count() == 1
        for key in ("q", "r", "t", "x", "s"):
            await visitor.page.locator(f"summary[data-key={key}]").click()
            assert await visitor.page.locator("details.menu[open] .menu-box button").count() > 1
            assert await visitor.page.evaluate(COVERED) == [], key
            await visitor.page.keyboard.press("Escape")
