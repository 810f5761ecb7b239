"""A failing row planted in each loop: it is set aside with its reason, and the loop does the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from database.repositories import set_aside
from database.repositories.loop_faults import apart
from database.session import DatabaseUnavailable
from database.tables.columns import now
from database.tables.people import PersonRow, SellerRow
from database.tables.platform import OutboxRow
from database.tables.work import WorkItemRow
from domain.errors.general import TemporarilyUnavailable
from domain.identifiers import new_id
from jobs.replanning import Replanner
from services.work.assignment import Assignment
from services.work.snoozes import Snoozes
from tests.builders.looping import Desk, a_decided_card, a_promise, answering, deliver, receiver, teller
from tests.builders.queueing import Office
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World

SECOND = timedelta(seconds=1)


async def test_work_set_aside_waits_longer_after_each_failure_and_is_forgotten_when_done(world: World) -> None:
    subject, moment = new_id(), datetime.now(UTC)
    waits = []
    async with world.database.transaction() as session:
        for _ in range(14):
            await set_aside.put(session, "test", subject, "ValueError at x.py:1", moment)
            (row,) = [row for row in await set_aside.listed(session, 10_000) if row.subject == subject]
            await session.refresh(row)
            waits.append((row.again_at - moment).total_seconds())
        assert (row.failures, row.since) == (14, moment)
    async with world.database.statement() as connection:
        await set_aside.done(connection, "test", subject)
    async with world.database.transaction() as session:
        assert subject not in {row.subject for row in await set_aside.listed(session, 10_000)}
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert waits[-1] == 3600


@pytest.mark.parametrize(
    "after", ["9" * 20, "9" * 400, "\u00b2", "-1", "31536000", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"]
)  # fmt: skip
async def test_no_retry_after_of_a_receiver_ends_the_loop_or_parks_a_row_for_long(world: World, after: str) -> None:
    async with answering("HTTP/1.1 503 Busy", f"Retry-After: {after}") as url:
        (row_id,) = await a_promise(world, url)
        assert await deliver(world) == 1
    (row,) = await world.rows(OutboxRow, id=row_id)
    assert row.last_failure is not None
    assert row.given_up_at is None
    assert row.due_at <= now() + timedelta(hours=12, minutes=1)


async def test_a_row_that_cannot_be_delivered_keeps_its_reason_and_the_others_are_delivered(world: World) -> None:
    async with receiver(together=1) as url:
        bad, good = await a_promise(world, url, 2)
        async with world.database.transaction() as session:
            await session.execute(update(OutboxRow).where(OutboxRow.id == bad).values(destination="seller:x", kind="?"))
            seller = SellerRow(id="x", phone_index=new_id(), phone_sealed=b"broken", phone_masked="138****0021")
            await session.merge(seller)
        assert await deliver(world) == 2
    (failed,), (arrived,) = await world.rows(OutboxRow, id=bad), await world.rows(OutboxRow, id=good)
    assert failed.last_failure
    assert failed.delivered_at is None
    assert arrived.delivered_at is not None


@pytest.mark.usefixtures("set_aside_for_long")
async def test_a_decision_that_cannot_be_sent_is_set_aside_and_the_others_are_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, _, broken_decision = await a_decided_card(world)
    willing, _, _ = await a_decided_card(world)
    desk = Desk(**{broken: OverflowError("date value out of range")})
    telling = teller(world, desk, monkeypatch)
    await telling.tell()
    await telling.tell()
    assert (desk.asked.count(broken), desk.asked.count(willing)) == (1, 2)
    async with world.database.transaction() as session:
        kept = {(row.loop, row.subject) for row in await set_aside.listed(session, 10_000)}
    assert ("teller", broken_decision) in kept


async def test_a_clock_that_cannot_be_signalled_is_set_aside_and_the_others_are_signalled(world: World) -> None:
    class Signalled(Desk):
        async def replan(self, card_id: str, task_id: str) -> None:  # noqa: ARG002
            self._ask(card_id)

    tasks = [(await a_taken_task(world))[:2] for _ in range(2)]
    async with world.database.transaction() as session:
        for _, task_id in tasks:
            (await session.get_one(WorkItemRow, task_id)).replan = True
    desk = Signalled(**{tasks[0][0]: RecursionError("x")})
    signalling = Replanner(world.database, desk)
    while await signalling.signal():
        pass
    assert set(desk.asked) >= {card for card, _ in tasks}
    async with world.database.transaction() as session:
        kept = {(row.loop, row.subject) for row in await set_aside.listed(session, 10_000)}
    assert ("replanner", tasks[0][1]) in kept
    assert ("replanner", tasks[1][1]) not in kept


async def test_what_succeeds_after_a_failure_is_no_longer_set_aside(world: World) -> None:
    subject = new_id()
    async with apart(world.database, "test", subject):
        raise ValueError
    assert subject in await _set_aside(world)
    async with apart(world.database, "test", subject):
        pass
    assert subject not in await _set_aside(world)


@pytest.mark.parametrize("away", [TemporarilyUnavailable, lambda: DatabaseUnavailable("away")])
async def test_an_outage_passes_and_sets_nothing_aside(world: World, away: Callable[[], Exception]) -> None:
    subject = new_id()
    with pytest.raises((TemporarilyUnavailable, DatabaseUnavailable)):
        async with apart(world.database, "test", subject):
            raise away()
    assert subject not in await _set_aside(world)


async def _set_aside(world: World) -> set[str]:
    async with world.database.transaction() as session:
        return {row.subject for row in await set_aside.listed(session, 10_000)}


async def test_failing_assignment_is_set_aside_and_the_others_are_assigned(world: World) -> None:
    office = Office(world)
    lin, away = await office.person(capacity=4), await office.person(on_duty=False)
    bad, good = await office.task(), await office.task()
    bad_back, good_back = await office.task(assigned_to=away), await office.task(assigned_to=away)
    await office.stands_in(lin, away)
    for task_id in (bad, bad_back):
        await office.change(task_id, barred=[["a list is no id"]])
    while await Assignment(world.database, office.clock).drain(50):
        pass
    assert [(await office.row(task_id)).assigned_to for task_id in (good, good_back)] == [lin, lin]
    assert [(await office.row(task_id)).assigned_to for task_id in (bad, bad_back)] == [None, away]
    assert ("take_back", "") not in await office.acts(bad_back)
    async with world.database.transaction() as session:
        kept = {row.subject: row.reason for row in await set_aside.listed(session, 10_000) if row.loop == "assignment"}
    assert {bad, bad_back} <= set(kept)
    assert "TypeError" in kept[bad]
    assert not {good, good_back} & set(kept)


async def test_a_person_with_a_faulty_row_is_set_aside_and_the_others_are_given_work(world: World) -> None:
    office = Office(world)
    lin, away, faulty = (
        await office.person(capacity=4),
        await office.person(on_duty=False),
        await office.person(capacity=9),
    )
    task, back = await office.task(), await office.task(assigned_to=away)
    await office.stands_in(faulty, away)
    await office.stands_in(lin, away)
    async with world.database.transaction() as session:
        (await session.get_one(PersonRow, faulty)).roles = ["no-such-role"]
    while await Assignment(world.database, office.clock).drain(50):
        pass
    assert [(await office.row(task_id)).assigned_to for task_id in (task, back)] == [lin, lin]
    async with world.database.transaction() as session:
        kept = {row.subject: row.reason for row in await set_aside.listed(session, 10_000) if row.loop == "assignment"}
        (await session.get_one(PersonRow, faulty)).active = False
    assert "ValueError" in kept[faulty]
    assert not {lin, task, back} & set(kept)


async def test_a_snooze_that_cannot_be_ended_is_set_aside_and_the_others_end(world: World) -> None:
    tasks = [(await a_taken_task(world))[1] for _ in range(2)]
    person = await world.a_person()
    async with world.database.transaction() as session:
        for task_id, by in zip(tasks, ("nobody-of-that-id", person), strict=True):
            task = await session.get_one(WorkItemRow, task_id)
            task.snoozed_until, task.snoozed_by = now() - SECOND, by
    await Snoozes(world.database).tell_back(10_000)
    async with world.database.transaction() as session:
        kept = {(row.loop, row.subject) for row in await set_aside.listed(session, 10_000)}
        ended = [(await session.get_one(WorkItemRow, task_id)).snoozed_until is None for task_id in tasks]
        (await session.get_one(WorkItemRow, tasks[0])).snoozed_until = None  # Other tests end every snooze there is.
    assert (ended, ("snoozes", tasks[0]) in kept) == ([False, True], True)
