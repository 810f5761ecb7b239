"""Limits are counted by all processes together, in one statement at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from database.session import Database
from domain.errors.people import TooManyTries
from domain.identifiers import new_id
from services.people.rate_limit import AHEAD_S, Throttle


class Counting(Database):
    """Counts the statements that were asked of it alone."""

    asked = 0

    async def one(self, sql: str, *values: Any) -> Any | None:
        self.asked += "SELECT" in sql
        return await super().one(sql, *values)


@pytest_asyncio.fixture(loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Counting]:
    made = Counting(database_url, pool_size=4)
    yield made
    await made.dispose()


async def passed(throttle: Throttle, name: str, tries: int) -> int:
    """How many of so many tries at once pass."""
    ends = await asyncio.gather(*(throttle.hit("test", name) for _ in range(tries)), return_exceptions=True)
    assert {type(end) for end in ends} <= {type(None), TooManyTries}
    return ends.count(None)


async def test_limit_is_shared_by_processes_and_gives_retry_after(database: Counting) -> None:
    one, other, name = Throttle(database, "4/hour"), Throttle(database, "4/hour"), new_id()
    assert sum(await asyncio.gather(passed(one, name, 5), passed(other, name, 5))) == 4
    with pytest.raises(TooManyTries) as refused:
        await other.hit("test", name)
    assert 0 < int(str(refused.value.data["retry_after_s"])) <= 900
    assert await passed(one, new_id(), 1) == 1


async def test_several_rates_cost_one_statement_and_the_tightest_holds(database: Counting) -> None:
    throttle, name = Throttle(database, "5/minute;3/hour"), new_id()
    assert await passed(throttle, name, 6) == 3
    assert database.asked == 6


async def test_tries_taken_ahead_cost_few_statements_and_the_limit_stays_that_of_all(database: Counting) -> None:
    one, other = (Throttle(database, "40/hour", ahead=10) for _ in range(2))
    name = new_id()
    assert [await passed(one, name, 10), database.asked] == [10, 1]
    assert await passed(other, name, 5) == 5
    assert await passed(one, name, 20) + await passed(other, name, 30) == 25


async def test_last_tries_are_taken_one_by_one(database: Counting) -> None:
    assert await passed(Throttle(database, "14/hour", ahead=10), new_id(), 20) == 14


async def test_tries_taken_ahead_are_lost_after_ten_seconds(database: Counting) -> None:
    clock = [0.0]
    throttle, name = Throttle(database, "12/hour", ahead=10, clock=lambda: clock[0]), new_id()
    await throttle.hit("test", name)
    clock[0] += AHEAD_S
    assert await passed(throttle, name, 5) == 2
