"""How many photos wait before a card's own, and how long that takes, follow from the cards and from the workers that are alive."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from activities.reading import CardReading
from database.reads.cards.reading_wait import ReadingWait, of_all, of_card
from domain.cards.intake import SubmittedCard
from domain.identifiers import new_id
from domain.ops.workers import QueueUse
from services.ops.workers import Workers
from tests.builders.photos import a_photo
from tests.builders.readings import PrintedReader, a_read_card, printed
from tests.builders.world import World


async def waits(world: World, card_id: str) -> ReadingWait | None:
    async with world.database.transaction() as session:
        return await of_card(session, card_id, datetime.now(UTC))


async def everything(world: World) -> ReadingWait:
    async with world.database.transaction() as session:
        return await of_all(session, datetime.now(UTC))


async def photographed(world: World, *colours: str) -> str:
    card = SubmittedCard("walmart", photos=tuple(a_photo(colour) for colour in colours))
    return (await world.submitted(card)).card_ids[0]


async def test_earlier_photos_are_read_first(world: World) -> None:
    before = (await everything(world)).photos
    first = await photographed(world, "red", "green")
    second = await photographed(world, "blue")
    ahead = [await waits(world, card) for card in (first, second)]
    assert ahead[0] is not None
    assert ahead[1] is not None
    assert ahead[1].photos - ahead[0].photos == 2
    assert (await everything(world)).photos == before + 3
    reader = PrintedReader(printed(number="1" * 19))
    await CardReading(world.database, world.keyring, world.photos, reader).read_photos(first)
    assert await waits(world, first) is None
    left = await waits(world, second)
    assert left is not None
    assert left.photos == ahead[1].photos - 2
    assert await waits(world, await world.a_card()) is None, "typed, without a photo"


async def test_waiting_time_counts_only_live_readers(world: World) -> None:
    await a_read_card(world, printed(number="2" * 19))
    waiting = await photographed(world, "red")
    workers, host, pid = Workers(world.database), new_id(), os.getpid()
    name = (await workers.claim("reading", host, pid, "b1")).name
    await workers.beat(name, pid, {"reading": {"activity": QueueUse(0, 1)}})
    slow = await waits(world, waiting)
    await workers.beat(name, pid, {"reading": {"activity": QueueUse(0, 1_000_000)}})
    quick = await waits(world, waiting)
    assert slow is not None
    assert quick is not None
    assert slow.seconds is not None
    assert (slow.photos, slow.seconds >= 1, quick.seconds) == (quick.photos, True, 1)
    await workers.ended(name, pid)
    stopped = await waits(world, waiting)
    assert stopped is not None
    assert stopped.seconds is None
