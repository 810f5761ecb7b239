"""An event whose number is lower and whose commit is later is announced all the same."""

from __future__ import annotations

from database.reads.cards.submissions import last_event
from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from domain.cards.card import Stage, WaitingFor
from tests.database.builders import a_card

STEP = Change(Stage.READING, WaitingFor.MACHINE, None, "reading.done", {})


async def seen(database: Database, *card_ids: str) -> int:
    async with database.transaction() as session:
        return await last_event(session, card_ids)


async def test_each_commit_is_announced_whatever_the_numbers(database: Database) -> None:
    async with database.transaction() as session:
        first, second = (await a_card(session)).id, (await a_card(session)).id
    before = await seen(database, first, second)
    async with database.transaction() as slow:
        await cards.record(slow, first, STEP)  # Has the lower number and commits last.
        async with database.transaction() as quick:
            await cards.record(quick, second, STEP)
        between = await seen(database, first, second)
    after = await seen(database, first, second)
    assert before < between < after
