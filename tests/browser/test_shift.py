"""A shift at the keyboard alone: cards are accepted, refused, asked about, snoozed and undone, and no mouse is ever moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from playwright.async_api import Page, expect

from database.tables.cards import CardRow
from domain.cards.review import ReviewOutcome
from domain.people.roles import Role
from jobs.due_decisions import DecisionSender
from services.review.desk import ReviewDesk
from tests.browser.axe import faults
from tests.browser.console import Visitor, desks
from tests.browser.people import DESK, look
from tests.gateways.partners import until
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.deciding import decisions
from tests.reviewer_ui.scenes import change
from tests.reviewer_ui.waiting_cards import Waiting
from tests.slowness import patience
from workflows.client import CardClient

pytestmark = pytest.mark.timeout(90)
UNDO_S = round(patience(2))  # A busy machine takes as long for the key that undoes.


@asynccontextmanager
async def at_work(house: House, browser_program: Path, undo_s: int = UNDO_S) -> AsyncIterator[Visitor]:
    """A reviewer at the queue, decisions that leave after some seconds, and the teller who tells them."""
    review: ReviewDesk = house.app.state.console.services.review
    review.decisions.undo_s = undo_s
    over = asyncio.Event()
    teller = asyncio.create_task(_telling(DecisionSender(house.database, cast("CardClient", house.desk)), over))
    token = await house.sessions.open(await house.cards.person(Role.REVIEWER))
    try:
        async with desks(house, browser_program) as open_desks, open_desks.visit(token) as visitor:
            await visitor.page.goto("/review")
            yield visitor
    finally:
        over.set()
        await teller


async def _telling(teller: DecisionSender, over: asyncio.Event) -> None:
    while not over.is_set():
        await teller.tell()
        await asyncio.sleep(0.3)
    await teller.tell()


async def opened(page: Page, waiting: Waiting) -> None:
    """The card's page has come and takes keys."""
    await page.wait_for_url(f"**/cards/{waiting.card_id}")
    await page.wait_for_selector("form.decision")
    await look(page)


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def outcome_of(house: House, waiting: Waiting) -> list[tuple[ReviewOutcome, str, str]]:
    """Every decision made of the card: what, why, and what became of it."""
    return [(one.outcome, one.reason_code, one.void_why) for one in await decisions(house, waiting)]


async def test_several_cards_are_decided_by_keyboard_alone(house: House, browser_program: Path) -> None:
    clear, forged, blurred, later, hard = [await house.cards.waiting() for _ in range(5)]
    async with at_work(house, browser_program) as visitor:
        page = visitor.page
        await press(page, "n")
        await opened(page, clear)
        await press(page, "Enter")  # One key from opening a clear card to the next.
        await opened(page, forged)
        await press(page, "r", "f")
        await opened(page, blurred)
        assert await page.locator(".undo-bar").first.is_visible()
        await press(page, "z")  # That was the wrong letter.
        await opened(page, forged)
        assert await page.locator(".undo-bar", has_text="Reject").count() == 0
        await press(page, "r", "d")
        await opened(page, blurred)
        await press(page, "q", "1", "b")
        await opened(page, later)
        await press(page, "s", "2", "c")
        await opened(page, hard)
        await press(page, "x", "u")
        await page.wait_for_url("**/review?**")
        await page.wait_for_selector(".undo-bar", state="detached")
        await until(lambda: len(house.desk.told) == 3)
    approved = (ReviewOutcome.APPROVE, "", "")
    assert await outcome_of(house, clear) == [approved]
    assert await outcome_of(house, forged) == [
        (ReviewOutcome.REJECT, "forged", "undone"),
        (ReviewOutcome.REJECT, "damaged", ""),
    ]
    assert await outcome_of(house, blurred) == [(ReviewOutcome.ASK_AGAIN, "blurred", "")]
    assert (await house.cards.task(later)).snoozed_until is not None
    assert (await house.cards.task(hard)).escalated
    assert [card_id for card_id, _ in house.desk.told] == [clear.card_id, forged.card_id, blurred.card_id]
    assert visitor.complaints == []


async def test_key_does_not_decide_an_unseen_card(house: House, browser_program: Path) -> None:
    first, dear = await house.cards.waiting(), await house.cards.waiting(due_in_min=60)
    await change(house, CardRow, dear.card_id, face_value_minor=500_000)  # In view for four seconds, or worked on.
    async with at_work(house, browser_program, undo_s=60) as visitor:
        page = visitor.page
        await press(page, "n")
        await opened(page, first)
        await press(page, "Enter")
        await page.wait_for_url(f"**/cards/{dear.card_id}")
        await page.wait_for_load_state("load")
        await page.wait_for_timeout(900)
        await press(page, "Enter", "a", "r", "f")
        await expect(page.locator("[data-early-said]")).to_contain_text("Check the card first")
        assert page.url.endswith(dear.card_id)
        assert await decisions(house, dear) == []
        assert first.card_id[-6:] in await page.inner_text(".undo-bar")
        assert "approved" in await page.inner_text(".undo-bar")
        await press(page, "1", "Enter")  # The number was looked at.
        await page.wait_for_url("**/review?**")
        bars = page.locator(".undo-bar")
        assert [dear.card_id[-6:] in await bars.nth(0).inner_text(), await bars.count()] == [True, 2]
        await bars.nth(1).locator("button").click()  # The older of the two can be undone as well.
        await page.wait_for_url(f"**/cards/{first.card_id}")
        assert dear.card_id[-6:] in await page.inner_text(".undo-bar")
    assert (await outcome_of(house, first))[0][2] == "undone"
    assert [why for _, _, why in await outcome_of(house, dear)] == [""]
    assert visitor.complaints == []


async def test_typing_is_no_command_and_survives_the_browser(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with at_work(house, browser_program) as visitor:
        page = visitor.page
        await press(page, "n")
        await opened(page, waiting)
        await press(page, "m")
        await page.keyboard.type("a question about the rim? rxz")
        assert await page.input_value("[name=note]") == "a question about the rim? rxz"
        await page.wait_for_selector("[data-saved-at]:not(:empty)")
        await page.close()  # The browser is gone; what was typed is not.
        page = await visitor.context.new_page()
        await page.goto(f"/cards/{waiting.card_id}")
        await opened(page, waiting)
        assert await page.input_value("[name=note]") == "a question about the rim? rxz"
        await press(page, "4")
        assert await page.evaluate("document.activeElement.dataset.field") == "expiry"
        await press(page, "e")
        assert await page.evaluate("document.activeElement.name") == "expiry"
        await press(page, "Escape", "?")
        assert await page.locator("#keys").is_visible()
        await press(page, "Escape", "g", "r")
        await page.wait_for_url("**/review")
    assert await decisions(house, waiting) == []
    assert visitor.complaints == []


async def test_keys_of_ones_own_and_none_at_all(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with at_work(house, browser_program) as visitor:
        page = visitor.page
        await page.goto("/account/keys")
        await page.fill("[name=key-r]", "j")
        await page.locator("main button.btn-primary").press("Enter")
        await page.wait_for_url("**/account/keys?kept=true")
        await page.goto("/review")
        await press(page, "n")
        await opened(page, waiting)
        await press(page, "r")
        assert await page.locator("details.menu[open]").count() == 0
        await press(page, "j")
        assert await page.locator("details.menu[open] [data-letter=f]").is_visible()
        assert await page.inner_text("summary[data-key=r] kbd") == "J"
        assert await faults(page) == []
        await page.goto("/account/keys")
        await page.check("[name=off]")
        await page.locator("main button.btn-primary").press("Enter")
        await page.wait_for_url("**/account/keys?kept=true")
        await page.goto(f"/cards/{waiting.card_id}")
        await opened(page, waiting)
        await press(page, "a", "j", "Enter")
        await page.wait_for_timeout(300)
        assert page.url.endswith(waiting.card_id)
        assert not await page.locator("summary kbd").first.is_visible()
    assert await decisions(house, waiting) == []
    assert visitor.complaints == []


@pytest.mark.parametrize(
    ("locale", "theme"), [("zh_CN", "dark"), pytest.param("en", "light", marks=pytest.mark.thorough)]
)
async def test_every_menu_of_the_bar_is_in_view_and_readable(
    house: House, browser_program: Path, locale: str, theme: str
) -> None:
    waiting = await house.cards.waiting()
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token, locale=locale, theme=theme) as visitor:  # fmt: skip
        page = visitor.page
        await page.goto("/review")
        await press(page, "n")
        await opened(page, waiting)
        bar = await page.locator("form.decision").bounding_box()
        assert bar is not None
        assert bar["y"] + bar["height"] <= DESK["height"]
        assert await faults(page) == []
        for key in ("r", "q", "t", "s", "x"):
            await press(page, key)
            box = await page.locator("details.menu[open] .menu-box").bounding_box()
            assert box is not None, key
            assert box["x"] >= 0, key
            assert box["y"] >= 0, key
            assert box["x"] + box["width"] <= DESK["width"], key
            assert await faults(page) == [], key
            await press(page, "Escape")
    assert visitor.complaints == []


async def test_a_task_taken_over_leaves_the_stale_tab_with_its_words_and_the_holders_name(
    house: House, browser_program: Path
) -> None:
    waiting = await house.cards.waiting()
    tokens = [
        await house.sessions.open(await house.cards.person(role, name))
        for role, name in ((Role.REVIEWER, "Ann"), (Role.SENIOR, "Bo"))
    ]
    async with desks(house, browser_program) as open_desks:
        async with open_desks.visit(tokens[0]) as ann, open_desks.visit(tokens[1]) as bo:
            await ann.page.goto("/review")
            await press(ann.page, "n")
            await opened(ann.page, waiting)
            await press(ann.page, "m")
            await ann.page.keyboard.type("the hologram moves")
            await bo.page.goto(f"/cards/{waiting.card_id}")
            await look(bo.page)
            await press(bo.page, "o", "u")
            await opened(bo.page, waiting)
            assert await bo.page.input_value("[name=note]") == ""
            await expect(ann.page.locator(".card-changed")).to_contain_text("Bo has taken this task over")
            await expect(ann.page.locator(".card-head .lease")).to_contain_text("Bo")
            assert await ann.page.locator("[data-countdown]").count() == 0
            await press(ann.page, "Escape", "a", "Enter", "r", "f")
            await expect(ann.page.locator("form.decision button[name=act]:enabled:not([tabindex])")).to_have_count(0)
            assert await ann.page.locator("details.menu[open]").count() == 0
            assert await ann.page.input_value("[name=note]") == "the hologram moves"
            assert await decisions(house, waiting) == []
            await press(bo.page, "Enter")
            await bo.page.wait_for_url("**/review?**")
        assert [one for one in ann.complaints if "409" not in one] == bo.complaints == []
    assert [one[0] for one in await outcome_of(house, waiting)] == [ReviewOutcome.APPROVE]
