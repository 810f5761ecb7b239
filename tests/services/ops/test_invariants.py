"""Invariants are checked on schedule: what is found is kept by name, with since when, and health knows of it at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import select, text

from database.invariants import INVARIANTS, Invariant, Look, check, found
from database.repositories import ledger
from database.session import Database
from database.tables.ops.health import InvariantResultRow
from domain.finance.ledger import issuer_cost
from domain.identifiers import new_id
from domain.money import Money
from domain.ops.health import Measure
from services.ops.health import measured
from services.ops.invariants import OftenChecked, keep

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def books(make_migrated: Callable[[str], str], worker: str) -> AsyncIterator[Database]:
    database = Database(make_migrated(f"invariants_{worker}"), pool_size=2)
    yield database
    await database.dispose()


async def kept(database: Database, name: str) -> InvariantResultRow:
    async with database.transaction() as session:
        wanted = select(InvariantResultRow).filter_by(name=name, whole=False)
        return (await session.execute(wanted)).scalar_one()


async def reading(database: Database) -> tuple[float | None, dict[str, float]]:
    async with database.transaction() as session:
        (one,) = [each for each in await measured(session, datetime.now(UTC)) if each.measure is Measure.INVARIANTS]
        return one.value, dict(one.parts)


async def test_unexplained_posting_is_found_recorded_and_resolved(books: Database) -> None:
    often = OftenChecked(books)
    await often.look()
    assert (await kept(books, "postings_have_sources")).broken == 0
    assert await reading(books) == (None, {})  # Nothing was checked as a whole yet.
    key = new_id()
    async with books.transaction() as session:
        await ledger.post(session, key, None, "issuer_cost", issuer_cost(Money(10)), cause="whim:1")
    await often.look()
    first = await kept(books, "postings_have_sources")
    assert (first.code, first.broken, first.finished) == ("I2", 1, True)
    assert key in first.said[0]
    assert await reading(books) == (1, {"I2": 1})
    await often.look()
    again = await kept(books, "postings_have_sources")
    assert again.checked_at > first.checked_at
    assert again.broken_since == first.broken_since == first.checked_at
    async with books.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("DELETE FROM entry"))
        await session.execute(text("DELETE FROM ledger_transaction"))
    await often.look()
    cured = await kept(books, "postings_have_sources")
    assert (cured.broken, cured.broken_since, cured.said) == (0, None, [])
    assert await reading(books) == (None, {})


async def test_only_the_newest_transactions_are_looked_at_often(books: Database) -> None:
    async with books.transaction() as session:
        await ledger.post(session, new_id(), None, "issuer_cost", issuer_cost(Money(10)), cause="whim:1")
        await session.execute(text("SELECT setval('ledger_transaction_id_seq', 100000)"))
        await ledger.post(session, new_id(), None, "issuer_cost", issuer_cost(Money(10)), cause="whim:2")
    often = {one.name: one.lines for one in await check(books, Look(whole=False), HOUR)}
    whole = {one.name: one.lines for one in await check(books, Look(), HOUR, INVARIANTS[:6])}
    assert [len(each["postings_have_sources"]) for each in (often, whole)] == [1, 2]


class Slow(Invariant):
    """Takes longer than it may."""

    code, name = "I0", "slow"
    sql = "SELECT 'never' FROM pg_sleep(20)"


async def test_slow_check_is_aborted_and_reported_as_unfinished(books: Database) -> None:
    (result,) = await check(books, Look(), timedelta(milliseconds=50), (Slow(),))
    assert (result.lines, result.finished) == ((), False)
    assert "slow was not checked to its end" in found([result])[0].what
    async with books.transaction() as session:
        await keep(session, [result])
        row = (await session.execute(select(InvariantResultRow).filter_by(name="slow"))).scalar_one()
    assert (row.broken, row.finished) == (0, False)


def test_every_invariant_has_a_name_of_its_own() -> None:
    assert len({one.name for one in INVARIANTS}) == len(INVARIANTS)
    assert {one.code for one in INVARIANTS} == {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I11"}
