"""Statements that stand for themselves: committed at once, on connections that are replaced when they break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from database.session import Database, DatabaseUnavailable
from database.tables.finance.ledger import AccountRow
from domain.finance.chart import AccountKind
from domain.money import Currency
from tests.gateways.partners import eventually, until
from tests.pools import running_statements


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, pool_size=2)
    yield made
    await made.dispose()


async def own_backend(database: Database) -> int:
    row = await database.one("SELECT pg_backend_pid()")
    assert row is not None
    return int(row[0])


async def test_a_statement_is_committed_when_it_returns(database: Database) -> None:
    assert await database.one("CREATE TABLE IF NOT EXISTS alone_with_it (n int)") is None
    assert await database.one("INSERT INTO alone_with_it VALUES ($1) RETURNING n", 7) == (7,)
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT n FROM alone_with_it"))).scalars().all() == [7]
    async with database.statement() as connection:
        await connection.execute(text("DROP TABLE alone_with_it"))
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT to_regclass('alone_with_it')"))).scalar_one() is None


async def test_a_reading_session_begins_no_transaction_and_writes_nothing(database: Database) -> None:
    moment = text("SELECT now(), pg_current_xact_id_if_assigned()")
    async with database.transaction() as session:
        assert (await session.execute(moment)).one() == (await session.execute(moment)).one()
    async with database.reading() as session:
        one, other = (await session.execute(moment)).one(), (await session.execute(moment)).one()
        assert one[0] < other[0]  # Each statement is a transaction of its own.
        session.add(AccountRow(code="never:written", currency=Currency.CNY, kind=AccountKind.ASSET))
    async with database.reading() as session:
        found = select(AccountRow.id).where(AccountRow.code == "never:written")
        assert (await session.execute(found)).scalar_one_or_none() is None


async def test_no_more_connections_are_made_than_were_allowed(database: Database) -> None:
    async def asked() -> int:
        row = await database.one("SELECT pg_backend_pid() FROM pg_sleep(0.02)")
        assert row is not None
        return int(row[0])

    assert len(set(await asyncio.gather(*(asked() for _ in range(8))))) == 2


async def test_a_connection_that_was_cut_is_replaced_and_a_cut_statement_says_so(database: Database) -> None:
    before = await own_backend(database)
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
    await until(lambda: all(idle.is_closed() for idle in database._statements._idle))  # The server's goodbye has come.
    assert await own_backend(database) != before
    running = asyncio.create_task(database.one("SELECT pg_sleep(20)"))
    await eventually(lambda: running_statements(database, "SELECT pg_sleep(20)"), lambda count: count == 1)
    async with database.transaction() as session:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)'"
        await session.execute(text(cut))
    with pytest.raises(DatabaseUnavailable):
        await running
    assert await own_backend(database)


async def test_a_cancelled_statement_leaves_no_busy_connection_behind(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.one("SELECT pg_sleep(20)")
    assert await database.one("SELECT 1") == (1,)


async def test_missing_server_is_reported_as_an_outage() -> None:
    away = Database("postgresql://nobody@127.0.0.1:9/none", pool_size=1)
    with pytest.raises(DatabaseUnavailable):
        await away.one("SELECT 1")
    with pytest.raises(DatabaseUnavailable):
        async with away.statement() as connection:
            await connection.execute(text("SELECT 1"))
    await away.dispose()
