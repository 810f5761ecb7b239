"""Postings that stand for themselves share a statement, and each is judged as if it were alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from database.repositories import ledger
from database.repositories.ledger import PostedDifferently, Step
from database.repositories.ledger_alone import LonePostings
from database.session import Database
from database.tables.columns import now
from domain.finance.ledger import Postings, Unbalanced, issuer_cost, owed, payout_prepared
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Money
from domain.places import business_day

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def alone(database: Database) -> AsyncIterator[LonePostings]:
    yield LonePostings(database)


def step(postings: Postings, key: str = "", day: date | None = None) -> Step:
    return Step(key or new_id(), None, "issuer_cost", postings, day or business_day(now()), cause="answers:x")


async def balance(database: Database, code: str) -> int:
    async with database.transaction() as session:
        return (await ledger.balance(session, code)).amount_minor


async def test_what_is_posted_at_once_is_written_together_and_to_the_last_unit(
    database: Database, alone: LonePostings
) -> None:
    owner = f"seller:{new_id()}"
    steps = [step(owed(owner, Money(number))) for number in range(1, 101)]
    assert await asyncio.gather(*map(alone.post, steps)) == [True] * 100
    assert await balance(database, f"seller_payable:{owner}") == -5050
    async with database.transaction() as session:
        commits = text("SELECT count(DISTINCT CAST(xmin AS text)) FROM ledger_transaction WHERE key = ANY(:keys)")
        assert (await session.execute(commits, {"keys": [one.key for one in steps]})).scalar_one() <= 4


async def test_a_refused_posting_takes_none_of_its_neighbours_with_it(database: Database, alone: LonePostings) -> None:
    owner, poor = f"seller:{new_id()}", f"seller:{new_id()}"
    wanted = [owed(owner, Money(5)), payout_prepared(poor, Money(7), Rail.ALIPAY), owed(owner, Money(6))]
    answers = await asyncio.gather(*(alone.post(step(one)) for one in wanted), return_exceptions=True)
    assert [answers[0], answers[2]] == [True, True]
    assert isinstance(answers[1], asyncpg.PostgresError)
    assert "may only have a credit balance" in str(answers[1])
    assert await balance(database, f"seller_payable:{owner}") == -11
    assert await balance(database, f"seller_payable:{poor}") == 0


async def test_a_key_counts_once_also_among_those_that_are_written_together(
    database: Database, alone: LonePostings
) -> None:
    owner, key = f"seller:{new_id()}", new_id()
    same = [step(owed(owner, Money(3)), key) for _ in range(20)]
    assert sorted(await asyncio.gather(*map(alone.post, same))) == [False] * 19 + [True]
    assert await balance(database, f"seller_payable:{owner}") == -3
    with pytest.raises(PostedDifferently):
        await alone.post(step(owed(owner, Money(4)), key))
    async with database.transaction() as session:  # The other way to post knows the same keys.
        assert not await ledger.post(session, key, None, "issuer_cost", owed(owner, Money(3)))


async def test_unbalanced_lines_are_refused_before_anything_is_written(alone: LonePostings) -> None:
    with pytest.raises(Unbalanced):
        await alone.post(step(issuer_cost(Money(10))[:1]))


async def test_a_closed_month_takes_nothing_from_a_group_either(database: Database, alone: LonePostings) -> None:
    closed, open_one = date(1999, 5, 3), step(issuer_cost(Money(10)))
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES ('1999-05', 'a', 'b', :at)"
            ),
            {"at": now() - timedelta(days=1)},
        )
    answers = await asyncio.gather(
        alone.post(open_one), alone.post(step(issuer_cost(Money(10)), day=closed)), return_exceptions=True
    )
    assert answers[0] is True
    assert "are closed" in str(answers[1])


async def test_a_call_that_gives_up_waiting_leaves_the_others_their_answers(
    database: Database, alone: LonePostings
) -> None:
    owner = f"seller:{new_id()}"
    tasks = [asyncio.create_task(alone.post(step(owed(owner, Money(1))))) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for number, one in enumerate(answers) if number != 3] == [True] * 9
