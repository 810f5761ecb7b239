"""The queue is read page by page: each task once in every order, by as many statements for many tasks as for few."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from database.reads.work import queue as reads
from database.reads.work.queue import Place
from database.tables.columns import now
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardType
from domain.cards.review import ReviewReason
from domain.work.queue_filter import Hand, QueueSort, Wanted
from domain.work.task import Band, TaskPhase
from tests.builders.statements import statements_of
from tests.database.builders import a_card, a_person, a_task

NOW = now()
BY: dict[QueueSort, Callable[[WorkItemRow], Any]] = {
    QueueSort.QUEUE: lambda task: (task.band, task.order_at, task.id),
    QueueSort.DUE: lambda task: (task.due_at, task.id),
    QueueSort.VALUE: lambda task: (task.value_minor, task.id),
    QueueSort.AGE: lambda task: (task.opened_at, task.id),
}


async def waiting(session: AsyncSession, **values: Any) -> WorkItemRow:
    """An open task with these values."""
    task = await a_task(session, await a_card(session))
    for name, value in values.items():
        setattr(task, name, value)
    await session.flush()
    return task


async def some(session: AsyncSession, chance: random.Random, many: int) -> list[WorkItemRow]:
    """Tasks whose places are often the same but for their ids."""

    def moment() -> datetime:
        return NOW + timedelta(minutes=chance.randint(-3, 3), microseconds=chance.choice((0, 1)))

    return [
        await waiting(
            session, band=chance.randint(0, 3), order_at=moment(), due_at=moment(), opened_at=moment(), value_minor=chance.randint(0, 4)
        )
        for _ in range(many)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sort", QueueSort)
async def test_pages_of_any_size_show_every_task_once_and_in_order(
    session: AsyncSession, sort: QueueSort, seed: int
) -> None:
    chance = random.Random(seed)
    tasks = await some(session, chance, chance.randint(0, 30))
    seen, after, size = list[str](), None, chance.randint(1, 9)
    while True:
        page = await reads.queue(session, Wanted(sort=sort), after, "", NOW, size)
        seen += [entry.task.id for entry in page.entries]
        if page.after is None:
            break
        after = Place.from_text(sort, page.after.text())  # As the link carries it.
    ordered = sorted(tasks, key=BY[sort], reverse=sort is QueueSort.VALUE)
    assert seen == [task.id for task in ordered]


async def test_a_task_that_moves_up_is_not_shown_twice_and_none_is_skipped(session: AsyncSession) -> None:
    tasks = [await waiting(session, band=3, order_at=NOW + timedelta(minutes=place)) for place in range(4)]
    first = await reads.queue(session, Wanted(), None, "", NOW, 2)
    tasks[3].band = 0
    await session.flush()
    second = await reads.queue(session, Wanted(), first.after, "", NOW, 2)
    assert [entry.task.id for entry in (*first.entries, *second.entries)] == [task.id for task in tasks[:3]]


async def test_forty_tasks_take_no_more_statements_than_four(session: AsyncSession, engine: AsyncEngine) -> None:
    spent = []
    for more in (4, 36):
        await some(session, random.Random(more), more)
        with statements_of(engine) as seen:
            await reads.queue(session, Wanted(), None, "", NOW)
            await reads.counts(session, Wanted(), "", NOW)
        spent.append(len(seen))
    assert spent == [2, 2]


async def test_each_filter_leaves_what_it_names(session: AsyncSession) -> None:
    me, other = await a_person(session), await a_person(session)
    later = NOW + timedelta(minutes=5)
    tasks = {
        Wanted(card_types=(CardType.DINING, CardType.REGIONAL)): await waiting(session, card_type=CardType.DINING),
        Wanted(brands=("tmall",)): await waiting(session, brand="tmall"),
        Wanted(reasons=(ReviewReason.WRONG_PIN, ReviewReason.HIGH_VALUE)): await waiting(session, reasons=["card_type", "wrong_pin"]),
        Wanted(languages=("en",)): await waiting(session, language="en"),
        Wanted(phase=TaskPhase.CHECK): await waiting(session, phase=TaskPhase.CHECK),
        Wanted(hand=Hand.MINE): await waiting(session, leased_by=me, leased_until=later),
        Wanted(hand=Hand.OTHERS): await waiting(session, leased_by=other, leased_until=later),
        Wanted(assigned_to_me=True): await waiting(session, assigned_to=me),
        Wanted(snoozed=True): await waiting(session, snoozed_until=later),
        Wanted(escalated=True): await waiting(session, escalated=True),
        Wanted(soon_late=True): await waiting(session, band=int(Band.ABOUT_TO_BREACH), warned_at=NOW),
        Wanted(value_min_minor=90_000): await waiting(session, value_minor=90_000),
        Wanted(value_max_minor=100): await waiting(session, value_minor=100),
        Wanted(team="night"): await waiting(session, team="night"),
    }  # fmt: skip
    for wanted, task in tasks.items():
        page = await reads.queue(session, wanted, None, me, NOW)
        assert [entry.task.id for entry in page.entries] == [task.id], wanted
        assert (await reads.counts(session, wanted, me, NOW)).found == 1
    one = next(iter(tasks.values()))
    for ending in (one.card[-12:], one.card):
        found = await reads.queue(session, Wanted(ending=ending), None, me, NOW)
        assert [entry.task.id for entry in found.entries] == [one.id]
    whole = await reads.queue(session, Wanted(), None, me, NOW)
    assert len(whole.entries) == len(tasks) - 1  # The snoozed one aside.


async def test_a_lease_that_ran_out_names_no_holder(session: AsyncSession) -> None:
    person = await a_person(session)
    held = await waiting(session, leased_by=person, leased_until=NOW + timedelta(minutes=1), assigned_to=person)
    over = await waiting(session, leased_by=person, leased_until=NOW)
    page = await reads.queue(session, Wanted(), None, person, NOW)
    assert {entry.task.id: (entry.holder, entry.assignee) for entry in page.entries} == {
        held.id: ("Lin", "Lin"),
        over.id: (None, None),
    }


async def test_counts_are_of_the_persons_own_team_and_stop_where_counting_costs(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = await a_person(session)
    (await session.get_one(PersonRow, me)).team = "night"
    for _ in range(5):
        await waiting(session, team="night", band=int(Band.ESCALATED), assigned_to=me)
    await waiting(session, team="day", phase=TaskPhase.CHECK)
    await waiting(session, team="night", snoozed_until=NOW + timedelta(hours=1))
    counted = await reads.counts(session, Wanted(), me, NOW)
    assert (counted.team, counted.mine, counted.escalated, counted.snoozed, counted.second_review) == (5, 5, 5, 1, 1)
    monkeypatch.setattr(reads, "COUNTED_MAX", 3)
    assert (await reads.counts(session, Wanted(), me, NOW)).team == 4


@pytest.mark.parametrize(
    ("sort", "text"),
    [
        (QueueSort.QUEUE, "9~2026-11-23T08:00:00+00:00~x"),
        (QueueSort.QUEUE, "1~yesterday~x"),
        (QueueSort.DUE, "2026-11-23T08:00:00~x"),
        (QueueSort.VALUE, f"{2**63}~x"),
        (QueueSort.AGE, "x"),
    ],
)
def test_a_place_that_is_none_is_refused(sort: QueueSort, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Place.from_text(sort, text)


async def test_escalated_tasks_are_due_soon_too_in_filter_and_count_alike(session: AsyncSession) -> None:
    due = [
        await waiting(session, escalated=True, band=int(Band.ESCALATED), breached_at=NOW, warned_at=NOW),
        await waiting(session, escalated=True, band=int(Band.ESCALATED), warned_at=NOW),
        await waiting(session, band=int(Band.ABOUT_TO_BREACH), breached_at=NOW),
    ]
    await waiting(session, escalated=True, band=int(Band.ESCALATED))
    await waiting(session)
    wanted = Wanted(soon_late=True)
    page = await reads.queue(session, wanted, None, "nobody", now())
    counts = await reads.counts(session, wanted, "nobody", now())
    assert {entry.task.id for entry in page.entries} == {task.id for task in due}
    assert counts.soon_late == counts.found == len(due)
