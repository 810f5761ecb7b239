"""A dishonest reviewer submits a card and tries to decide it at the console, under another name and by every address."""

from __future__ import annotations

import httpx
import pytest

from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import browser_of
from tests.reviewer_ui.waiting_cards import Waiting

DECISIONS = ("approve", "reject:forged", "hand_to_store:doubt")


async def tried(browser: httpx.AsyncClient, one: Waiting) -> list[int]:
    here = f"/cards/{one.card_id}"
    answers = [await post(browser, f"{here}/take", task_id=one.task_id)]
    answers += [
        await post(browser, f"{here}/decision", task_id=one.task_id, act=act, retake="true") for act in DECISIONS
    ]
    answers.append(await post(browser, f"{here}/reveal", field="number", reason_code="compare"))
    return [answer.status_code for answer in answers]


@pytest.mark.parametrize("held", [False, True])
async def test_ones_own_card_is_neither_taken_nor_decided_nor_read(house: House, held: bool) -> None:
    seller = await house.cards.person(Role.SENIOR, "王芳")  # The payee's name.
    one = await house.cards.waiting()
    if held:  # Taken by some fault, or before anybody knew.
        await house.cards.hold(one, seller)
    statuses = await tried(await browser_of(house, seller), one)
    assert set(statuses) <= {403, 409}
    task = await house.cards.task(one)
    assert (task.decided, task.decision_id, task.staged_id) == (False, None, None)


async def test_the_queue_and_the_card_say_why_it_cannot_be_taken(house: House) -> None:
    seller = await house.cards.person(Role.SENIOR, "王芳")
    one = await house.cards.waiting()
    browser = await browser_of(house, seller)
    for path in ("/review?all=yes", f"/cards/{one.card_id}"):
        assert "The seller is you" in (await browser.get(path)).text
    other = await browser_of(house, await house.cards.person(Role.SENIOR))
    assert "The seller is you" not in (await other.get("/review?all=yes")).text


async def test_a_new_name_after_the_card_is_known_helps_nothing(house: House) -> None:
    one, seller = await house.cards.waiting(), await house.cards.person(Role.REVIEWER, "王芳")
    async with house.database.transaction() as session:
        task = await session.get_one(WorkItemRow, one.task_id)
        task.linked = [seller]  # As it was written when the card came into the queue.
        (await session.get_one(PersonRow, seller)).name = "Somebody Else"
    assert set(await tried(await browser_of(house, seller), one)) <= {403, 409}
    assert not (await house.cards.task(one)).decided
