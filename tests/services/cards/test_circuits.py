"""Two breakers over one database are as one; without the database each goes by what it saw itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from bootstrap.local.ports import free
from database.session import Database
from domain.identifiers import new_id
from gateways.breaker import SEEN_MS, Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable
from services.cards.circuits import KeptCircuits
from tests.slowness import patience

DOWN, NO = GatewayUnavailable("issuer", "down"), GatewayRefused("issuer", "no")
OPEN_MS = 10_000


class Clock:
    """A process's own clock, which tests turn by hand; no two processes agree on it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


class Counted(KeptCircuits):
    """Counts its statements."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.statements: list[str] = []

    async def _one(self, sql: str, *values: Any) -> Any:
        self.statements.append(sql.split()[0])
        return await super()._one(sql, *values)


@dataclass
class Process:
    """One process: its clock, its breakers, and what they ask of the database."""

    kept: Counted
    name: str
    clock: Clock
    breakers: Breakers = field(init=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(2, OPEN_MS, self.clock, self.kept)

    async def attempt(self, outcome: BaseException | None = None) -> str:
        try:
            async with self.breakers.guard("issuer", self.name):
                if outcome is not None:
                    raise outcome
        except (GatewayUnavailable, GatewayRefused, asyncio.CancelledError) as error:
            return getattr(error, "reason", "cancelled")
        return "ok"

    def later(self, ms: float = SEEN_MS) -> None:
        self.clock.seconds += ms / 1000


@dataclass
class Two:
    """Two processes, and the database between them."""

    database: Database
    one: Process
    other: Process

    async def rows(self) -> list[tuple[int, bool]]:
        """Failures, and whether the circuit is open by the database's clock."""
        asked = text(
            "SELECT failures, coalesce(open_until > now(), false) FROM circuit WHERE name = :name ORDER BY name"
        )
        async with self.database.transaction() as session:
            return [(row[0], row[1]) for row in await session.execute(asked, {"name": self.one.name})]

    async def time_is_up(self) -> None:
        """Lets the database's clock reach the end of the circuit's opening, and both processes notice."""
        async with self.database.transaction() as session:
            await session.execute(
                text("UPDATE circuit SET open_until = now() WHERE name = :name"), {"name": self.one.name}
            )
        self.one.later()
        self.other.later()


@pytest_asyncio.fixture(loop_scope="session")
async def two(database_url: str) -> AsyncIterator[Two]:
    database, name = Database(database_url, pool_size=4), f"issuer:{new_id()}"
    one, other = (Process(Counted(database), name, Clock(seconds)) for seconds in (1_000.0, 77_000.0))
    yield Two(database, one, other)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM circuit WHERE name = :name"), {"name": name})
    await database.dispose()


async def test_failures_of_two_processes_open_the_shared_circuit(two: Two) -> None:
    assert await two.one.attempt(DOWN) == "down"
    assert await two.other.attempt(DOWN) == "down"
    assert await two.other.attempt() == "circuit_open"
    assert await two.one.attempt() == "ok"  # It looked less than a second ago; its answer leaves the circuit open.
    two.one.later()
    assert await two.one.attempt() == "circuit_open"
    assert two.one.breakers.is_open(two.one.name)
    assert await two.rows() == [(2, True)]


async def test_success_resets_the_shared_failure_count(two: Two) -> None:
    assert await two.one.attempt(DOWN) == "down"
    assert await two.other.attempt(NO) == "no"
    assert await two.rows() == []
    two.one.later()
    assert [await two.one.attempt(DOWN), await two.one.attempt()] == ["down", "ok"]


async def test_one_process_probes_and_success_closes_the_shared_circuit(two: Two) -> None:
    for _ in range(2):
        await two.one.attempt(DOWN)
    await two.time_is_up()
    async with two.one.breakers.guard("issuer", two.one.name):
        assert await two.other.attempt() == "circuit_open"
        assert await two.one.attempt() == "circuit_open"
        two.other.later()
        assert await two.other.attempt() == "circuit_open"
    two.other.later()
    assert await two.other.attempt() == "ok"
    assert await two.rows() == []


async def test_concurrent_probes_make_one_call(two: Two) -> None:
    for _ in range(2):
        await two.one.attempt(DOWN)
    await two.time_is_up()
    answers = await asyncio.gather(two.one.attempt(DOWN), two.other.attempt(DOWN))
    assert sorted(answers) == ["circuit_open", "down"]
    assert await two.rows() == [(3, True)]


async def test_interrupted_probe_can_be_repeated_by_any_process(two: Two) -> None:
    for _ in range(2):
        await two.one.attempt(DOWN)
    await two.time_is_up()
    assert await two.one.attempt(asyncio.CancelledError()) == "cancelled"
    two.other.later()
    assert await two.other.attempt() == "ok"


async def test_successful_calls_read_the_circuit_once_a_second(two: Two) -> None:
    assert {await two.one.attempt() for _ in range(100)} == {"ok"}
    assert two.one.kept.statements == ["SELECT"]
    two.one.later()
    assert set(await asyncio.gather(*(two.one.attempt() for _ in range(100)))) == {"ok"}
    assert two.one.kept.statements == ["SELECT", "SELECT"]


async def test_circuit_is_local_without_the_database(two: Two) -> None:
    away = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{free()}/none")
    alone = Process(Counted(away), two.one.name, Clock(5_000.0))
    assert [await alone.attempt() for _ in range(2)] == ["ok", "ok"]
    assert [await alone.attempt(DOWN) for _ in range(3)] == ["down", "down", "circuit_open"]
    alone.kept._database = two.database  # It is back, and knows of no failure.
    alone.later()
    assert await alone.attempt() == "circuit_open"
    alone.later(OPEN_MS)
    assert await alone.attempt(DOWN) == "down"
    assert await two.other.attempt() == "circuit_open"  # Now the others know.
    await away.dispose()


async def test_a_database_that_hangs_delays_a_call_by_half_a_second(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(two.database, "one", hang)
    async with asyncio.timeout(patience(5)):
        assert await two.one.attempt(DOWN) == "down"
        assert await two.one.attempt() == "ok"
