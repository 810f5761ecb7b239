"""Four eyes at two keyboards: one person decides, another applies it, sends it back or refuses it, seeing it first or blind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from playwright.async_api import Page

from domain.people.roles import Role
from domain.rules.checks import check_policy
from domain.work.task import CameBack, TaskPhase
from jobs.due_decisions import DecisionSender
from reviewer_ui.app import build
from services.review.desk import review_desk
from services.review.staging import FourEyes
from tests.browser.axe import faults
from tests.browser.console import Desks, Visitor, desks
from tests.browser.people import look
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.waiting_cards import NUMBER, PIN, Waiting
from workflows.client import CardClient

pytestmark = pytest.mark.timeout(90)
BLIND = replace(check_policy(date(2026, 11, 23)), blind=True)
BAR = "form.decision"


@dataclass
class Pair:
    """Mei, who decides, and Bo, who checks, each in a window of their own."""

    house: House
    desks: Desks
    mei: Visitor
    bo: Visitor

    async def decided_by_mei(self, waiting: Waiting) -> None:
        """Mei takes the card with one key and approves it with another; nothing has left."""
        await self.mei.page.goto("/review")
        await self.mei.page.keyboard.press("n")
        await opened(self.mei.page, waiting)
        await self.mei.page.keyboard.press("a")
        await self.mei.page.wait_for_url("**/review?**")
        assert (await self.house.cards.task(waiting)).phase is TaskPhase.CHECK
        assert self.house.desk.told == []

    async def taken_by_bo(self, waiting: Waiting) -> Page:
        """Bo presses the key for the next card and has the check before them."""
        await self.bo.page.goto("/review")
        await self.bo.page.keyboard.press("n")
        await opened(self.bo.page, waiting)
        return self.bo.page


@asynccontextmanager
async def both_at_work(house: House, browser_program: Path, *, blind: bool = False) -> AsyncIterator[Pair]:
    """Two reviewers at their desks in a house that checks what is suspicious; neither page may complain of anything."""
    if blind:
        services = house.app.state.console.services
        review = review_desk(house.database, house.keyring, undo_s=0, four_eyes=FourEyes(BLIND))
        house.app = build(replace(services, review=review))
    async with AsyncExitStack() as stack:
        open_desks = await stack.enter_async_context(desks(house, browser_program))
        people = [await house.cards.person(Role.REVIEWER, name) for name in ("Mei", "Bo")]
        tokens = [await house.sessions.open(person) for person in people]
        mei, bo = [await stack.enter_async_context(open_desks.visit(token)) for token in tokens]
        yield Pair(house, open_desks, mei, bo)
        assert (mei.complaints, bo.complaints) == ([], [])


async def opened(page: Page, waiting: Waiting) -> None:
    """The card's page has come and takes keys."""
    await page.wait_for_url(f"**/cards/{waiting.card_id}")
    await page.wait_for_selector(BAR)
    await look(page)


async def decisions_sent(house: House) -> list[str]:
    """What has reached a card once the teller has looked."""
    await DecisionSender(house.database, cast("CardClient", house.desk)).tell()
    return [card_id for card_id, _ in house.desk.told]


async def suspicious(house: House) -> Waiting:
    return await house.cards.waiting(reasons=("forged_number",))


async def test_decision_is_sent_once_a_second_person_applies_it_by_key(house: House, browser_program: Path) -> None:
    waiting = await suspicious(house)
    async with both_at_work(house, browser_program) as pair:
        await pair.decided_by_mei(waiting)
        await pair.mei.page.keyboard.press("n")  # Her own work is not her next.
        await pair.mei.page.wait_for_url("**/review?nothing=true")
        page = await pair.taken_by_bo(waiting)
        assert "Decided by Mei" in await page.inner_text(BAR)
        assert "441.00" in await page.inner_text(f"{BAR} [value=apply]")
        shown = await page.content()
        assert NUMBER not in shown
        assert PIN not in shown
        assert await faults(page) == []
        assert await decisions_sent(house) == []
        await page.keyboard.press("a")
        await page.wait_for_url("**/review?nothing=true")
    assert await decisions_sent(house) == [waiting.card_id]
    assert (await house.cards.task(waiting)).closed_at is not None


async def test_returned_decision_is_the_makers_next_card_with_its_reason(house: House, browser_program: Path) -> None:
    waiting = await suspicious(house)
    async with both_at_work(house, browser_program) as pair:
        await pair.decided_by_mei(waiting)
        page = await pair.taken_by_bo(waiting)
        await page.keyboard.press("m")
        await page.keyboard.type("digit 4 looks like an 8")
        await page.keyboard.press("Escape")
        await page.keyboard.press("b")
        await page.keyboard.press("l")
        await page.wait_for_url("**/review?nothing=true")
        await pair.mei.page.goto("/review")
        await pair.mei.page.keyboard.press("n")
        await opened(pair.mei.page, waiting)
        row = await house.cards.task(waiting)
        assert (row.phase, row.came_back) == (TaskPhase.REVIEW, CameBack.RETURNED)
        assert await pair.mei.page.locator(f"{BAR} [value=apply]").count() == 0
    assert await decisions_sent(house) == []


async def test_a_blind_checker_who_comes_to_the_same_applies_it(house: House, browser_program: Path) -> None:
    waiting = await suspicious(house)
    async with both_at_work(house, browser_program, blind=True) as pair:
        await pair.decided_by_mei(waiting)
        page = await pair.taken_by_bo(waiting)
        assert "Mei" not in await page.inner_text(BAR)
        assert await page.locator(f"{BAR} [value=apply]").count() == 0
        assert await faults(page) == []
        await page.keyboard.press("a")
        await page.wait_for_selector(f"{BAR} [value=apply]")
        assert "Same as your decision" in await page.inner_text(BAR)
        assert await decisions_sent(house) == []
        await look(page)
        await page.keyboard.press("a")
        await page.wait_for_url("**/review?nothing=true")
    assert await decisions_sent(house) == [waiting.card_id]


async def test_a_blind_checker_who_comes_to_another_outcome_can_only_send_back_or_refuse(
    house: House, browser_program: Path
) -> None:
    waiting = await suspicious(house)
    async with both_at_work(house, browser_program, blind=True) as pair:
        await pair.decided_by_mei(waiting)
        page = await pair.taken_by_bo(waiting)
        await page.keyboard.press("r")
        await page.wait_for_selector(f"{BAR} details.menu")
        assert "Decided by Mei" in await page.inner_text(BAR)
        assert await page.locator(f"{BAR} [value=apply]").count() == 0
        await look(page)
        await page.keyboard.press("f")
        await page.keyboard.press("j")
        await page.wait_for_url("**/review?nothing=true")
    row = await house.cards.task(waiting)
    assert (row.escalated, row.came_back, len(row.barred)) == (True, CameBack.REFUSED, 2)
    assert await decisions_sent(house) == []


@pytest.mark.thorough
async def test_two_checkers_who_press_the_same_key_at_once_do_not_both_have_it(
    house: House, browser_program: Path
) -> None:
    waiting = await suspicious(house)
    async with both_at_work(house, browser_program) as pair:
        await pair.decided_by_mei(waiting)
        token = await house.sessions.open(await house.cards.person(Role.REVIEWER, "Lan"))
        async with pair.desks.visit(token) as lan:
            pages = (pair.bo.page, lan.page)
            for page in pages:
                await page.goto("/review")
            await asyncio.gather(*(page.keyboard.press("n") for page in pages))
            for page in pages:
                await page.wait_for_url(lambda url: "/cards/" in url or "nothing=true" in url)
            assert sorted("/cards/" in page.url for page in pages) == [False, True]
