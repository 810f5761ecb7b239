"""Sellers and partners receive each change of their own cards once, in one statement for all streams of a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.reads.cards import submissions as reads
from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow
from database.tables.people import PersonRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.identifiers import new_id
from services.ops.maintenance import Maintenance, WindowInput
from tests.database.builders import a_card
from tests.slowness import patience
from web import live
from web.card_changes import CardChanges, CardListener
from web.live import Event

STEP = Change(Stage.READING, WaitingFor.MACHINE, None, "reading.done", {})
END = Change(Stage.ENDED, WaitingFor.NOBODY, None, "card.ended", {}, outcome=Outcome.PAID)


@pytest.fixture
def database(database_url: str, pool_of: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(live, "LOOK_S", 0.05)
    return pool_of(database_url)


async def two_cards(database: Database) -> tuple[str, str]:
    async with database.transaction() as session:
        return (await a_card(session)).id, (await a_card(session)).id


async def happens(database: Database, card_id: str, change: Change) -> None:
    async with database.transaction() as session:
        await cards.record(session, card_id, change)


def events(changes: CardChanges, *card_ids: str, seen: int = 0) -> AsyncIterator[Event]:
    return changes.hub.events(CardListener(owner=f"partner:{card_ids[0]}", card_ids=card_ids, seen=seen))


async def test_a_stream_tells_every_change_of_its_cards_and_then_the_end(database: Database) -> None:
    first, second = await two_cards(database)
    stream = events(CardChanges(database), first, second)
    await anext(stream)  # The line that opens it.
    heard = []
    for card_id, change in ((first, STEP), (first, END), (second, END)):
        await happens(database, card_id, change)
        async with asyncio.timeout(patience(20)):
            heard.append(await anext(stream))
    assert [one["event"] for one in heard] == ["changed"] * 3
    assert len({one["id"] for one in heard}) == 3
    assert [one["event"] async for one in stream] == ["ended"]


async def test_a_stream_tells_when_maintenance_begins_changes_and_ends_although_nothing_happens_to_the_card(
    database: Database,
) -> None:
    card_id, _ = await two_cards(database)
    person, maintenance = new_id(), Maintenance(database)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
        session.add(PersonRow(id=person, email=f"{person}@example.com", name="Lin", password_hash="", roles=["ops"]))
        card = await session.get_one(CardRow, card_id)
        found = await reads.progress(session, [card_id])
    stream = events(CardChanges(database), card_id, seen=found[card_id].events)
    await anext(stream)
    await asyncio.sleep(0.2)  # The first look has found no maintenance.
    ends = datetime.now(UTC) + timedelta(hours=1)
    window = await maintenance.begin(person, WindowInput(f"issuer:{card.brand}", "", "New data centre", None, ends))
    assert (await _next(stream))["event"] == "changed"
    await maintenance.change_end(person, window, ends + timedelta(hours=1))
    assert (await _next(stream))["event"] == "changed"
    await maintenance.end(person, window, at_once=True)
    assert (await _next(stream))["event"] == "changed"
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
    assert (await _next(stream))["event"] == "changed"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_what_was_seen_already_is_not_sent_again(database: Database) -> None:
    card_id, _ = await two_cards(database)
    await happens(database, card_id, END)
    async with database.transaction() as session:
        seen = (await reads.progress(session, [card_id]))[card_id].events
    heard = [one.get("event") async for one in events(CardChanges(database), card_id, seen=seen)]
    assert heard == [None, "ended"]


async def test_all_streams_share_one_statement_and_hear_only_of_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    real = reads.progress

    async def counted(session: object, card_ids: set[str]) -> object:
        asked.append(card_ids)
        return await real(session, card_ids)  # type: ignore[arg-type]

    monkeypatch.setattr(reads, "progress", counted)
    moved, still = await two_cards(database)
    changes = CardChanges(database)
    streams = [events(changes, card_id) for card_id in (moved, moved, still)]
    for stream in streams:
        await anext(stream)
    await happens(database, moved, STEP)
    async with asyncio.timeout(patience(20)):
        await asyncio.gather(*(anext(stream) for stream in streams[:2]))
    assert asked[-1] == {moved, still}
    assert len(asked) < 100, "one for all streams and each look"
    heard = [await _soon(stream) for stream in streams[2:]]
    assert heard == [None]
    for stream in streams[:2]:
        await stream.aclose()  # type: ignore[attr-defined]


async def _next(stream: AsyncIterator[Event]) -> Event:
    async with asyncio.timeout(patience(20)):
        return await anext(stream)


async def _soon(stream: AsyncIterator[Event]) -> Event | None:
    try:
        return await asyncio.wait_for(anext(stream), 0.3)
    except TimeoutError:
        return None
