"""An attacker who wants both sides of a decision tries every address for it; no row changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from database.tables.people import AbsenceRow, PersonRow
from database.tables.review import ReviewCheckRow, ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.work.task import TaskPhase
from tests.cases import the_first
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import browser_of, change, send
from tests.reviewer_ui.waiting_cards import Waiting

HOUR = timedelta(hours=1)
_OF_A_TASK: tuple[Any, ...] = (ReviewDecisionRow, ReviewCheckRow)


async def delegate(house: House, absent: str, stand_in: str) -> str:
    """From an hour ago, for two hours, `stand_in` acts for `absent`."""
    now = datetime.now(UTC)
    row = AbsenceRow(
        id=new_id(), person_id=absent, stand_in=stand_in, starts_at=now - HOUR, ends_at=now + HOUR, made_by=absent
    )
    async with house.database.transaction() as session:
        session.add(row)
    return row.id


async def ended(house: House, absence: str) -> None:
    async with house.database.transaction() as session:
        (await session.get_one(AbsenceRow, absence)).ended_at = datetime.now(UTC)


async def staged_by(house: House, maker: str) -> Waiting:
    """A suspicious card that this person approved; it waits for its check."""
    one, browser = await house.cards.waiting(reasons=("forged_number",)), await browser_of(house, maker)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await post(browser, f"/cards/{one.card_id}/decision", task_id=one.task_id, act="approve")
    assert (await house.cards.task(one)).phase is TaskPhase.CHECK
    return one


async def rows(house: House, one: Waiting) -> list[dict[str, object]]:
    """The task, its decisions and its checks, whole."""
    async with house.database.transaction() as session:
        found: list[Any] = [await session.get_one(WorkItemRow, one.task_id)]
        for table in _OF_A_TASK:
            made = await session.execute(select(table).where(table.task_id == one.task_id).order_by(table.id))
            found += made.scalars().all()
        return [row.values() for row in found]


async def the_maker(house: House, maker: str) -> str:
    return maker


async def stands_in_for_the_maker(house: House, maker: str) -> str:
    """The absence was declared after the outcome had been staged."""
    friend = await house.cards.person(Role.SENIOR, "Friend")
    await delegate(house, maker, friend)
    return friend


async def second_account_of_the_circle(house: House, maker: str) -> str:
    """Stand in for a person the maker acted for when they decided; that has ended since."""
    account = await house.cards.person(Role.SENIOR, "Second account")
    await delegate(house, f"{await principal_of(house, maker)}", account)
    return account


async def whom_the_maker_acted_for(house: House, maker: str) -> str:
    return await principal_of(house, maker)


async def principal_of(house: House, maker: str) -> str:
    async with house.database.transaction() as session:
        found = await session.execute(select(AbsenceRow.person_id).where(AbsenceRow.stand_in == maker))
        return str(found.scalar_one())


WHO: list[Callable[[House, str], Awaitable[str]]] = [
    the_maker, stands_in_for_the_maker, second_account_of_the_circle, whom_the_maker_acted_for,
]  # fmt: skip


async def everything(browser: httpx.AsyncClient, one: Waiting) -> list[tuple[str, int]]:
    """Every address that could put the task into their hand or pass the check."""
    here, task = f"/cards/{one.card_id}", one.task_id
    tries = [
        ("take", {}), ("check", {"act": "apply"}), ("check", {"act": "return:look_again"}),
        ("check", {"act": "refuse:risk"}), ("check/blind", {"outcome": "approve"}),
        ("take-over", {"reason_code": "urgent"}), ("decision", {"act": "approve", "retake": "true"}),
        ("decision", {"act": "reject:forged", "retake": "true"}),
    ]  # fmt: skip
    return [
        (f"{where} {form}", (await post(browser, f"{here}/{where}", task_id=task, **form)).status_code)
        for where, form in tries
    ]


@pytest.mark.parametrize("who", WHO, ids=lambda one: one.__name__)
async def test_makers_circle_is_refused_at_every_address(
    house: House, who: Callable[[House, str], Awaitable[str]]
) -> None:
    maker, boss = await house.cards.person(Role.SENIOR, "Mei"), await house.cards.person(Role.SENIOR, "Boss")
    absence = await delegate(house, boss, maker)
    one = await staged_by(house, maker)
    await ended(house, absence)
    person = await who(house, maker)
    browser, before = await browser_of(house, person), await rows(house, one)
    wrong = [line for line in await everything(browser, one) if line[1] != 403]
    assert wrong == []
    assert (await post(browser, "/review/next")).headers["location"] != f"/cards/{one.card_id}"
    given = await send(await house.as_(Role.SENIOR), "/review/bulk", act="assign", to=person, task=[one.task_id])
    assert given.status_code == 303
    assert await rows(house, one) == before


@pytest.mark.parametrize("who", the_first(1, WHO), ids=lambda one: one.__name__)
async def test_makers_circle_is_refused_even_with_the_lease(
    house: House, who: Callable[[House, str], Awaitable[str]]
) -> None:
    """The lease came before the delegation, or by a fault: the check itself is validated again."""
    maker, boss = await house.cards.person(Role.SENIOR, "Mei"), await house.cards.person(Role.SENIOR, "Boss")
    absence = await delegate(house, boss, maker)
    one = await staged_by(house, maker)
    await ended(house, absence)
    person, now = await who(house, maker), datetime.now(UTC)
    await change(house, one, leased_by=person, leased_at=now, leased_until=now + HOUR, escalated=True)
    browser, before = await browser_of(house, person), await rows(house, one)
    here = f"/cards/{one.card_id}/check"
    for form in ({"act": "apply"}, {"act": "return:look_again"}, {"act": "refuse:risk"}):
        assert (await post(browser, here, task_id=one.task_id, **form)).status_code == 403, form
    assert (await post(browser, f"{here}/blind", task_id=one.task_id, outcome="approve")).status_code == 403
    assert await rows(house, one) == before


async def test_neither_side_gets_the_card_after_a_rejected_decision(house: House) -> None:
    maker, checker = await house.cards.person(Role.SENIOR, "Mei"), await house.cards.person(Role.SENIOR, "Bo")
    one, bo = await staged_by(house, maker), await browser_of(house, checker)
    await post(bo, f"/cards/{one.card_id}/take", task_id=one.task_id)
    refused = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="refuse:risk")
    assert refused.status_code == 303
    task = await house.cards.task(one)
    assert (task.phase, task.escalated) == (TaskPhase.REVIEW, True)
    before = await rows(house, one)
    for browser in (bo, await browser_of(house, maker)):
        wrong = [line for line in await everything(browser, one) if line[1] != 403 and "check" not in line[0]]
        assert wrong == []
        assert (await post(browser, "/review/next")).headers["location"] != f"/cards/{one.card_id}"
    assert await rows(house, one) == before


async def test_checker_who_decides_a_returned_card_cannot_check_it(house: House) -> None:
    maker, checker = await house.cards.person(Role.SENIOR, "Mei"), await house.cards.person(Role.SENIOR, "Bo")
    one, bo = await staged_by(house, maker), await browser_of(house, checker)
    here = f"/cards/{one.card_id}"
    await post(bo, f"{here}/take", task_id=one.task_id)
    await post(bo, f"{here}/check", task_id=one.task_id, act="return:look_again")
    over = await post(bo, f"{here}/take-over", task_id=one.task_id, reason_code="urgent")
    assert over.status_code == 303
    await post(bo, f"{here}/decision", task_id=one.task_id, act="approve")
    task, before = await house.cards.task(one), await rows(house, one)
    assert (task.phase, task.maker_id) == (TaskPhase.CHECK, checker)
    assert [line for line in await everything(bo, one) if line[1] != 403] == []
    assert await rows(house, one) == before


async def test_permission_removed_during_the_check_blocks_it(house: House) -> None:
    one = await staged_by(house, await house.cards.person(Role.SENIOR, "Mei"))
    checker = await house.cards.person(Role.SENIOR, "Bo")
    browser = await browser_of(house, checker)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    before = await rows(house, one)
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, checker)).roles = [Role.SUPPORT.value]
    answer = await post(browser, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply")
    assert answer.status_code == 403
    async with house.database.transaction() as session:
        person = await session.get_one(PersonRow, checker)
        person.roles, person.active = [Role.SENIOR.value], False
    answer = await post(browser, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply")
    assert answer.headers["location"].startswith("/sign-in")
    assert await rows(house, one) == before
