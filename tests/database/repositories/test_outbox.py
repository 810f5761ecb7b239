"""An outbox message is taken by one deliverer at a time, and by another when that one died."""

import asyncio
from collections import Counter
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import outbox
from database.session import Database
from database.tables.columns import now


async def put(session: AsyncSession, count: int) -> list[str]:
    return [
        await outbox.put(session, "message", "seller:A", "quote.offered", {"number": number}) for number in range(count)
    ]


async def test_the_oldest_are_taken_first_and_count_as_tried(session: AsyncSession) -> None:
    ids = await put(session, 3)
    taken = await outbox.due(session, 2, {})
    assert [(row.id, row.attempts, row.payload) for row in taken] == [
        (ids[0], 1, {"number": 0}),
        (ids[1], 1, {"number": 1}),
    ]
    assert [row.id for row in await outbox.due(session, 2, {})] == ids[2:]
    assert await outbox.due(session, 2, {}) == ()


async def test_a_deliverer_that_died_is_followed_by_another(session: AsyncSession) -> None:
    [delivery_id] = await put(session, 1)
    await outbox.due(session, 1, {}, lease=timedelta(0))
    [again] = await outbox.due(session, 1, {})
    assert (again.id, again.attempts) == (delivery_id, 2)


async def test_what_arrived_or_was_given_up_is_never_due_again(session: AsyncSession) -> None:
    arrived, given_up, later, soon = await put(session, 4)
    await outbox.due(session, 4, {}, lease=timedelta(0))
    await outbox.delivered(session, arrived)
    await outbox.failed(session, given_up, "410", None)
    await outbox.failed(session, later, "503", now() + timedelta(hours=1))
    await outbox.failed(session, soon, "timeout", now())
    assert [(row.id, row.last_failure) for row in await outbox.due(session, 4, {})] == [(soon, "timeout")]


async def test_no_receiver_gets_more_at_once_than_its_share_less_what_runs(session: AsyncSession) -> None:
    await session.execute(text("UPDATE outbox SET delivered_at = now()"))
    for destination in ("partner:slow", "partner:quick"):
        for _ in range(outbox.PER_LANE_ELSE + 2):
            await outbox.put(session, "webhook", destination, "card.paid", {})
    await put(session, outbox.PER_LANE[outbox.MESSAGES] + 2)
    taken = Counter(outbox.lane_of(row) for row in await outbox.due(session, 100, {"partner:slow": 2}))
    assert taken == {"partner:slow": outbox.PER_LANE_ELSE - 2, "partner:quick": outbox.PER_LANE_ELSE, "message": 8}


async def test_four_deliverers_at_once_never_take_the_same(database: Database) -> None:
    async with database.transaction() as session:
        ids = await put(session, 40)

    async def deliver() -> list[str]:
        mine: list[str] = []
        while True:
            async with database.transaction() as session:
                taken = await outbox.due(session, 3, {})
            if not taken:
                return mine
            mine += [row.id for row in taken]

    taken = [one for mine in await asyncio.gather(*(deliver() for _ in range(4))) for one in mine]
    assert len(taken) == len(set(taken))
    assert set(ids) <= set(taken)
    async with database.transaction() as session:
        await session.execute(text("UPDATE outbox SET delivered_at = now()"))
