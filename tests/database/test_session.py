"""PostgreSQL may be killed at any moment: callers get one retryable error, and the next transaction works once it is back."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from bootstrap.local.postgres import EmbeddedPostgres, throwaway
from database.session import Database, DatabaseUnavailable, async_url
from tests.disk import throwaway_folder
from tests.gateways.partners import PATIENCE_S, eventually
from tests.pools import running_statements
from tests.slowness import patience


class Restarted:
    """A server of this module's own, killed and started by its tests."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the server answers."""
        self.process = subprocess.Popen(
            self.server.command, cwd="/", start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.server.identity,
        )  # fmt: skip
        while not self.server.ready():
            assert self.process.poll() is None, f"PostgreSQL ended with {self.process.returncode}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Stop immediately: no connection is closed properly, nothing is flushed."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None


@pytest.fixture
def server() -> Iterator[Restarted]:
    """A running server; like that of conftest.py not in a folder of pytest's, which another run shuts to it."""
    with throwaway_folder("test") as folder:
        made = throwaway(folder)
        made.prepare()
        restarted = Restarted(made)
        try:
            restarted.start()
            yield restarted
        finally:
            restarted.kill()
            shutil.rmtree(made.socket_dir, ignore_errors=True)


async def one(database: Database) -> int:
    async with database.transaction() as session:
        return int((await session.execute(text("SELECT 1"))).scalar_one())


async def hold_until(database: Database, held: asyncio.Event, killed: asyncio.Event) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
        held.set()
        await killed.wait()
        await session.execute(text("SELECT 2"))


async def slow(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_sleep(30)"))


async def test_a_killed_server_is_one_retryable_error_and_the_first_transaction_after_it_works(
    server: Restarted,
) -> None:
    database = Database(server.server.url("postgres"), pool_size=4)
    assert await asyncio.gather(*(one(database) for _ in range(4))) == [1] * 4
    held, killed = asyncio.Event(), asyncio.Event()
    waiting = [asyncio.create_task(hold_until(database, held, killed)), asyncio.create_task(slow(database))]
    await held.wait()
    await eventually(lambda: running_statements(database, "SELECT pg_sleep(30)"), lambda count: count == 1)
    await asyncio.to_thread(server.kill)
    killed.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable, DatabaseUnavailable]
    with pytest.raises(DatabaseUnavailable):
        await one(database)
    await asyncio.to_thread(server.start)
    assert await asyncio.gather(*(one(database) for _ in range(8))) == [1] * 8
    await database.dispose()


async def test_dead_idle_connections_are_replaced_unnoticed(server: Restarted) -> None:
    database = Database(server.server.url("postgres"), pool_size=4)
    await asyncio.gather(*(one(database) for _ in range(4)))
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    assert await asyncio.gather(*(one(database) for _ in range(4))) == [1] * 4
    await database.dispose()


async def test_a_server_that_is_not_there_is_the_same_error(tmp_path: Path) -> None:
    database = Database(f"postgresql://postgres@/postgres?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable):
        await one(database)
    await database.dispose()


async def test_unanswered_statement_ends_and_the_pool_continues(server: Restarted) -> None:
    database = Database(server.server.url("postgres"), pool_size=1, command_timeout_s=0.3)
    with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_sleep(30)"))
    with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
        async with database.statement() as connection:
            await connection.execute(text("SELECT pg_sleep(30)"))
    assert await asyncio.wait_for(one(database), PATIENCE_S) == 1
    await database.dispose()


async def test_connections_that_go_silent_end_their_transactions_in_time(server: Restarted) -> None:
    database = Database(server.server.url("postgres"), pool_size=2, command_timeout_s=0.5)
    assert await asyncio.gather(*(one(database) for _ in range(2))) == [1, 1]
    assert server.process is not None
    group = [server.process.pid, *(child.pid for child in psutil.Process(server.process.pid).children(recursive=True))]
    for process in group:
        os.kill(process, signal.SIGSTOP)
    try:
        async with asyncio.timeout(patience(20)):
            outcomes = await asyncio.gather(one(database), one(database), return_exceptions=True)
    finally:
        for process in group:
            os.kill(process, signal.SIGCONT)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    assert await asyncio.wait_for(one(database), patience(10)) == 1
    await database.dispose()


@pytest.mark.parametrize("state", ["53100", "53200", "53300"])
async def test_a_server_short_of_room_is_worth_another_try(database: Database, state: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as session:
            await session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'short' USING ERRCODE = '{state}'; END $$"))


async def test_a_deadlock_is_worth_another_try(database: Database) -> None:
    """Two transactions lock the same two rows in opposite order; one is chosen as victim and asked to retry."""
    meet = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": first})
            await meet.wait()
            await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": second})

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DatabaseUnavailable", "NoneType"]


async def test_an_error_of_ours_stays_what_it_is_and_rolls_back(database: Database) -> None:
    async def make_and_fail() -> None:
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE never_there (x int)"))
            raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        await make_and_fail()
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT to_regclass('never_there')"))).scalar_one() is None


def test_an_address_as_other_programs_write_it_is_understood() -> None:
    url = async_url("postgresql://someone@db.example:5433/cardloop?sslmode=require")
    assert url.drivername == "postgresql+asyncpg"
    assert dict(url.query) == {"ssl": "require"}
