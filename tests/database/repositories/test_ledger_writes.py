"""What the database refuses of any writer: nothing that was posted is added to, renamed, emptied, or reversed by something else."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.session import Database
from database.tables.columns import now
from domain.finance.chart import account
from domain.finance.ledger import Posting, Postings, owed, reversed_postings
from domain.identifiers import new_id
from domain.money import Money
from domain.places import business_day

pytestmark = pytest.mark.asyncio(loop_scope="session")
PRICE = Money(465_00)
# Two lines that sum to zero, beside those of a transaction that is written.
_ADD = text("""
INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
SELECT e.transaction_id, e.account_id, e.amount_minor, e.currency, now()
FROM entry e JOIN ledger_transaction t ON t.id = e.transaction_id WHERE t.key = :key ORDER BY e.account_id
""")


async def bought(database: Database, owner: str) -> str:
    key = new_id()
    async with database.transaction() as session:
        await ledger.post(session, key, None, "owed", owed(owner, PRICE))
    return key


async def test_a_written_transaction_takes_no_more_entries(database: Database) -> None:
    """Also into a closed month nothing comes this way: a month is looked at where a transaction is made."""
    key = await bought(database, f"seller:{new_id()}")
    with pytest.raises(DBAPIError, match="is written"):
        async with database.transaction() as session:
            await session.execute(_ADD, {"key": key})


async def test_a_transaction_that_is_being_written_takes_entries_at_any_depth(database: Database) -> None:
    key, other = new_id(), new_id()
    async with database.transaction() as session:
        async with session.begin_nested():
            await ledger.post(session, key, None, "owed", owed(f"seller:{key}", PRICE))
        async with session.begin_nested():
            await ledger.post(session, other, None, "owed", owed(f"seller:{other}", PRICE))
        await session.execute(_ADD, {"key": key})
        assert (await ledger.balance(session, f"seller_payable:seller:{key}")).amount_minor == -2 * PRICE.amount_minor


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE account SET sign = 'either' WHERE code = :code",
        "UPDATE account SET code = code || 'x' WHERE code = :code",
        "DELETE FROM account WHERE code = :code",
        "TRUNCATE account CASCADE",
        "TRUNCATE ledger_hold",
        "TRUNCATE ledger_period CASCADE",
        "TRUNCATE ledger_period_balance",
    ],
)
async def test_no_account_changes_and_no_table_of_the_books_is_emptied(database: Database, change: str) -> None:
    owner = f"seller:{new_id()}"
    await bought(database, owner)
    values = {"code": f"seller_payable:{owner}"} if ":code" in change else {}
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await session.execute(text(change), values)


@pytest.mark.parametrize(
    "amount", [PRICE, Money(1), -PRICE, None], ids=["the same way", "less", "another account", "nothing"]
)
async def test_a_reversal_is_the_opposite_of_what_it_names(database: Database, amount: Money | None) -> None:
    owner = f"seller:{new_id()}"
    key = await bought(database, owner)
    lines = _instead(owner, amount)
    async with database.transaction() as session:
        row = await _transaction(session, key)
    with pytest.raises(DBAPIError, match="is not the opposite"):
        async with database.transaction() as session:
            await ledger.post(session, new_id(), None, "owed_reversed", lines, reverses=row)
    async with database.transaction() as session:
        assert await ledger.post(
            session, new_id(), None, "owed_reversed", reversed_postings(owed(owner, PRICE)), reverses=row
        )  # fmt: skip


async def test_a_reversal_is_not_reversed_by_any_writer(database: Database) -> None:
    owner, today = f"seller:{new_id()}", business_day(now())
    key = await bought(database, owner)
    async with database.transaction() as session:
        await ledger.reverse(session, f"{key}:back", key, "owed_reversed", happened_on=today)
        row = await _transaction(session, f"{key}:back")
    with pytest.raises(DBAPIError, match="is not the opposite"):
        async with database.transaction() as session:
            await ledger.post(session, new_id(), None, "owed", owed(owner, PRICE), reverses=row)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_a_transaction_that_does_not_see_what_is_committed_posts_nothing(database: Database, level: str) -> None:
    """It would wait for the lock of the account, and judge the sign by the balance from before."""

    async def write() -> None:
        async with database.transaction() as session:
            await session.execute(text(f"SET TRANSACTION ISOLATION LEVEL {level}"))
            await ledger.post(session, new_id(), None, "owed", owed(f"seller:{new_id()}", PRICE))

    with pytest.raises(DBAPIError, match="read what is committed"):
        await write()


async def test_adding_to_an_account_does_not_wait_for_other_postings(database: Database) -> None:
    """The account of many cards: incoming money is not checked, so the account is not locked for it."""
    owner, held, on = f"seller:{new_id()}", asyncio.Event(), asyncio.Event()
    payable, suspense = account("seller_payable", owner), account("suspense", "bank")
    await bought(database, owner)

    async def takes() -> None:
        async with database.transaction() as session:
            await ledger.post(
                session, new_id(), None, "taken", (Posting(payable, Money(5)), Posting(suspense, Money(-5)))
            )  # fmt: skip
            await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # The account is locked from here.
            held.set()
            await on.wait()

    taking = asyncio.create_task(takes())
    await held.wait()
    async with asyncio.timeout(20):
        await bought(database, owner)
    on.set()
    await taking
    async with database.transaction() as session:
        assert (await ledger.balance(session, payable.code)).amount_minor == -2 * PRICE.amount_minor + 5


async def test_what_is_added_and_not_committed_pays_for_nothing(database: Database) -> None:
    owner, added, on = f"seller:{new_id()}", asyncio.Event(), asyncio.Event()
    payable, suspense = account("seller_payable", owner), account("suspense", "bank")

    async def adds() -> None:
        async with database.transaction() as session:
            await ledger.post(session, new_id(), None, "owed", owed(owner, PRICE))
            await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            added.set()
            await on.wait()

    async with (
        database.transaction() as session
    ):  # The account is there already: else its first user would be waited for.
        await ledger.post(session, new_id(), None, "owed", owed(owner, Money(1)))
    adding = asyncio.create_task(adds())
    await added.wait()
    with pytest.raises(DBAPIError, match="may only have a credit balance"):
        async with database.transaction() as session:
            await ledger.post(session, new_id(), None, "taken", (Posting(payable, PRICE), Posting(suspense, -PRICE)))
    on.set()
    await adding


def _instead(owner: str, amount: Money | None) -> Postings:
    """Lines that are no reversal of a bought card of PRICE."""
    if amount is None:
        return (*reversed_postings(owed(owner, PRICE)), *owed(owner, Money(1)))
    if amount == -PRICE:
        return reversed_postings(owed(f"seller:{new_id()}", Money(1))) + owed(owner, Money(1))
    return owed(owner, amount)


async def _transaction(session: AsyncSession, key: str) -> int:
    found = await session.execute(text("SELECT id FROM ledger_transaction WHERE key = :key"), {"key": key})
    return int(found.scalar_one())
