"""Several people claim the same cards: each has one holder at a time, only the holder decides, and all see who it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from database.tables.columns import now
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.people.roles import Role
from tests.browser.console import Visitor, desks
from tests.browser.people import look
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.deciding import decisions
from tests.reviewer_ui.scenes import change
from tests.reviewer_ui.waiting_cards import Waiting

pytestmark = pytest.mark.timeout(120)
NOTE = "the hologram moves"


@asynccontextmanager
async def at_their_desks(house: House, program: Path, names: Sequence[str]) -> AsyncIterator[list[Visitor]]:
    """So many reviewers, each in a browser window of their own at the queue; only refusals may be complained of."""
    async with AsyncExitStack() as stack:
        office, visitors = await stack.enter_async_context(desks(house, program)), list[Visitor]()
        for name in names:
            token = await house.sessions.open(await house.cards.person(Role.REVIEWER, name))
            visitors.append(await stack.enter_async_context(office.visit(token)))
            await visitors[-1].page.goto("/review")
        yield visitors
        for visitor in visitors:
            assert [one for one in visitor.complaints if "409" not in one] == []


async def opened(page: Page, waiting: Waiting) -> None:
    """The card's page has come and takes keys."""
    await page.wait_for_url(f"**/cards/{waiting.card_id}")
    await page.wait_for_selector("form.decision")
    await look(page)


async def press_all(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def all_press_next(visitors: Sequence[Visitor]) -> list[str]:
    """All press the same key at the same moment; return the address where each ends up."""
    await asyncio.gather(*(one.page.keyboard.press("n") for one in visitors))
    for one in visitors:
        await one.page.wait_for_url(lambda url: "/cards/" in url or "nothing=true" in url)
    return [one.page.url.rpartition("/")[2] for one in visitors]


async def held_until(house: House, waiting: Waiting, seconds: float) -> None:
    columns: dict[str, Any] = {"leased_until": now() + timedelta(seconds=seconds)}
    await change(house, WorkItemRow, waiting.task_id, **columns)


async def test_two_who_press_next_at_once_never_have_the_same_card(house: House, browser_program: Path) -> None:
    waiting = {(await house.cards.waiting()).card_id for _ in range(4)}
    async with at_their_desks(house, browser_program, ["Ann", "Bo"]) as people:
        got = await all_press_next(people)
        for _ in range(2):  # Each approves their card and is led to the next, at the same time as the other.
            await asyncio.gather(*(one.page.wait_for_selector("form.decision") for one in people))
            for one in people:
                await look(one.page)
            before = [one.page.url for one in people]
            await asyncio.gather(*(one.page.keyboard.press("a") for one in people))
            for one, was in zip(people, before, strict=True):
                await one.page.wait_for_url(lambda url, was=was: url != was)  # type: ignore[misc]
            got += [one.page.url.rpartition("/")[2] for one in people if "/cards/" in one.page.url]
    assert sorted(got) == sorted(waiting)
    assert sorted(card_id for card_id, _ in house.desk.told) == sorted(waiting)


@pytest.mark.thorough
async def test_of_three_who_press_next_for_one_card_one_has_it(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with at_their_desks(house, browser_program, ["Ann", "Bo", "Cai"]) as people:
        got = await all_press_next(people)
        assert sorted(one == waiting.card_id for one in got) == [False, False, True]
        loser = people[got.index(next(one for one in got if one != waiting.card_id))]
        await expect(loser.page.locator(".alert-info")).to_contain_text("Nothing to take")
        winner = ["Ann", "Bo", "Cai"][got.index(waiting.card_id)]
        await expect(loser.page.locator(f"[data-row='{waiting.task_id}'] .whose")).to_contain_text(winner)


async def test_expired_lease_is_shown_live_and_the_card_can_be_claimed(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with at_their_desks(house, browser_program, ["Ann", "Bo"]) as (ann, bo):
        await ann.page.keyboard.press("n")
        await opened(ann.page, waiting)
        row = bo.page.locator(f"[data-row='{waiting.task_id}'] .whose")
        await expect(row).to_contain_text("Ann")  # The stream told Bo's page.
        await ann.page.keyboard.press("m")
        await ann.page.keyboard.type(NOTE)
        await ann.page.wait_for_selector("[data-saved-at]:not(:empty)")
        await held_until(house, waiting, 1.5)
        await expect(ann.page.locator(".card-changed")).to_be_visible()
        await bo.page.reload()
        await expect(row).not_to_contain_text("Ann")
        await bo.page.keyboard.press("n")
        await opened(bo.page, waiting)
        assert await bo.page.input_value("[name=note]") == "", "another's words are their own"
        await expect(ann.page.locator(".card-head")).to_contain_text("Bo has taken this task over")
        await ann.page.keyboard.press("Escape")
        await ann.page.keyboard.press("a")
        assert await ann.page.input_value("[name=note]") == NOTE
        await bo.page.keyboard.press("a")
        await bo.page.wait_for_url("**/review?**")
    made = await decisions(house, waiting)
    assert [(one.outcome, one.note) for one in made] == [(ReviewOutcome.APPROVE, "")]


async def test_the_countdown_says_when_the_lease_is_over_and_one_key_takes_the_card_again(
    house: House, browser_program: Path
) -> None:
    waiting = await house.cards.waiting()
    async with at_their_desks(house, browser_program, ["Ann"]) as (ann,):
        await ann.page.keyboard.press("n")
        await opened(ann.page, waiting)
        await held_until(house, waiting, 3)
        await ann.page.reload()
        clock = ann.page.locator(".lease [data-countdown]")
        await expect(clock).to_have_text("00:01")
        await expect(clock).to_have_text(await clock.get_attribute("data-over") or "–")
        await ann.page.keyboard.press("a")
        await ann.page.wait_for_selector("#refusal .alert")
        assert await decisions(house, waiting) == []
        await look(ann.page)
        await ann.page.keyboard.press("a")  # Nobody took it meanwhile: pressed again, it is taken and decided.
        await ann.page.wait_for_url("**/review?**")
    assert [one.outcome for one in await decisions(house, waiting)] == [ReviewOutcome.APPROVE]


async def test_two_tabs_of_one_person_decide_once(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with at_their_desks(house, browser_program, ["Ann"]) as (ann,):
        await ann.page.keyboard.press("n")
        await opened(ann.page, waiting)
        other = await ann.context.new_page()
        await other.goto(f"/cards/{waiting.card_id}")
        await opened(other, waiting)
        await ann.page.keyboard.press("a")
        await ann.page.wait_for_url("**/review?**")
        await expect(other.locator(".card-changed")).to_contain_text("You can no longer decide this task")
        await press_all(other, "a", "r", "f")
        await expect(other.locator("details.menu[open]")).to_have_count(0)
    assert [one.outcome for one in await decisions(house, waiting)] == [ReviewOutcome.APPROVE]
