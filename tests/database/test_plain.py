"""Transactions past SQLAlchemy: whole or not at all, on the connections that all others have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from database.plain import plain_of
from database.session import Database, DatabaseUnavailable

_WRITE = "INSERT INTO past_the_mapper VALUES ($1)"


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, pool_size=1)
    await made.one("CREATE TABLE IF NOT EXISTS past_the_mapper (n int UNIQUE)")
    yield made
    await made.one("DROP TABLE past_the_mapper")
    await made.dispose()


async def kept(database: Database) -> list[int]:
    async with database.plain() as plain:
        return [row[0] for row in await plain.rows("SELECT n FROM past_the_mapper ORDER BY n")]


async def written(database: Database, *numbers: int, then: Exception | None = None) -> None:
    async with database.plain() as plain:
        for number in numbers:
            await plain.row(_WRITE, number)
        if then is not None:
            raise then


async def test_all_is_written_at_the_end_or_nothing(database: Database) -> None:
    async with database.plain() as plain:
        assert await plain.value("SELECT count(*) FROM past_the_mapper") == 0
        assert await plain.row(_WRITE, 1) is None
        assert await plain.value(f"{_WRITE} RETURNING n", 2) == 2
        assert await database.one("SELECT count(*) FROM past_the_mapper") == (0,)  # Not there for others yet.
    assert await kept(database) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        await written(database, 3, then=ZeroDivisionError())
    with pytest.raises(asyncpg.UniqueViolationError):
        await written(database, 3, 1)
    assert await kept(database) == [1, 2]


async def test_a_failure_that_was_passed_over_is_no_commit(database: Database) -> None:
    async def go_on() -> None:
        async with database.plain() as plain:
            await plain.row(_WRITE, 1)
            with suppress(asyncpg.UniqueViolationError):
                await plain.row(_WRITE, 1)

    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await go_on()
    assert await kept(database) == []


async def test_it_has_the_connections_of_the_pool(database: Database) -> None:
    async with database.transaction() as session:
        pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    async with database.plain() as plain:
        assert await plain.value("SELECT pg_backend_pid()") == pid
        assert database.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_cut_connection_is_an_outage_and_is_replaced(database: Database) -> None:
    async def cut() -> None:
        async with database.plain() as plain:
            pid = await plain.value("SELECT pg_backend_pid()")
            await database.one("SELECT pg_terminate_backend($1)", pid)
            await plain.row(_WRITE, 1)

    async def cut_in_session() -> None:
        async with database.transaction() as session:
            pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await database.one("SELECT pg_terminate_backend($1)", pid)
            await (await plain_of(session)).row(_WRITE, 1)

    for way in (cut, cut_in_session):
        with pytest.raises(DatabaseUnavailable):
            await way()
    assert await kept(database) == []


async def test_a_cancelled_statement_leaves_no_busy_connection_behind(database: Database) -> None:
    async def wait() -> None:
        async with asyncio.timeout(0.1), database.plain() as plain:
            await plain.row("SELECT pg_sleep(20)")

    with pytest.raises(TimeoutError):
        await wait()
    assert await kept(database) == []


async def test_missing_server_is_reported_as_an_outage() -> None:
    away = Database("postgresql://nobody@127.0.0.1:9/none", pool_size=1)
    with pytest.raises(DatabaseUnavailable):
        async with away.plain():
            pass
    await away.dispose()


async def test_the_way_past_the_mapper_is_in_the_session_s_own_transaction(database: Database) -> None:
    async def undone() -> None:
        async with database.transaction() as session:
            await (await plain_of(session)).row(_WRITE, 1)  # The first statement of all.
            assert (await session.execute(text("SELECT n FROM past_the_mapper"))).scalars().all() == [1]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await kept(database) == []
    async with database.transaction() as session:
        await (await plain_of(session)).row(_WRITE, 1)
    assert await kept(database) == [1]
