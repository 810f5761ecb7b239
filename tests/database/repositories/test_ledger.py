"""Entries: written once per key, balanced or not at all, never changed."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.session import Database
from database.tables.columns import now
from domain.finance.ledger import (
    Posting,
    Unbalanced,
    issuer_cost,
    owed,
    owed_reversed,
    payout_paid,
    payout_prepared,
    require_balanced,
)
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Money
from domain.places import business_day

PRICE = Money(46_500)


async def test_a_card_bought_and_paid_leaves_its_price_in_inventory(session: AsyncSession) -> None:
    owner = f"seller:{new_id()}"
    for what, postings in (
        ("owed", owed(owner, PRICE)),
        ("payout_prepared", payout_prepared(owner, PRICE, Rail.ALIPAY)),
    ):
        assert await ledger.post(session, f"{what}:{owner}", None, what, postings)
    assert await ledger.balance(session, f"seller_payable:{owner}") == Money(0)
    assert await ledger.balance(session, "in_flight:alipay") == -PRICE
    await ledger.post(session, f"paid:{owner}", None, "payout_paid", payout_paid(PRICE, Rail.ALIPAY))
    assert await ledger.balance(session, "in_flight:alipay") == Money(0)
    assert await ledger.balance(session, "inventory") == PRICE
    assert await ledger.balance(session, "cash:alipay") == -PRICE


async def test_an_account_never_used_has_nothing(session: AsyncSession) -> None:
    assert await ledger.balance(session, "seller_payable:seller:NOBODY") == Money(0)


async def test_the_same_key_posts_once(session: AsyncSession) -> None:
    assert await ledger.post(session, "key", "CARD", "owed", owed("seller:A", PRICE))
    assert not await ledger.post(session, "key", "CARD", "owed", owed("seller:A", PRICE))
    assert await ledger.balance(session, "seller_payable:seller:A") == -PRICE


async def test_the_same_key_with_other_postings_is_an_error_and_writes_nothing(session: AsyncSession) -> None:
    await ledger.post(session, "key", "CARD", "owed", owed("seller:A", PRICE))
    for other in (owed("seller:A", Money(1)), owed("seller:B", PRICE)):
        with pytest.raises(ledger.PostedDifferently):
            await ledger.post(session, "key", "CARD", "owed", other)
    assert await ledger.balance(session, "seller_payable:seller:A") == -PRICE
    assert await ledger.balance(session, "seller_payable:seller:B") == Money(0)


async def test_a_transaction_of_the_driver_posts_as_one_of_the_mapper_does(database: Database) -> None:
    owner, key = f"seller:{new_id()}", new_id()
    for first in (True, False):
        async with database.plain() as plain:
            assert await ledger.post(plain, key, "CARD", "owed", owed(owner, PRICE)) is first
    async with database.transaction() as session:
        assert not await ledger.post(session, key, "CARD", "owed", owed(owner, PRICE))
        assert await ledger.balance(session, f"seller_payable:{owner}") == -PRICE
    with pytest.raises(asyncpg.CheckViolationError, match="may only have a credit balance"):  # By the commit.
        async with database.plain() as plain:
            await ledger.post(plain, new_id(), "CARD", "owed", owed_reversed(owner, PRICE + PRICE))


async def test_a_known_key_makes_no_account_of_other_postings(database: Database) -> None:
    key, other = new_id(), f"seller:{new_id()}"
    async with database.plain() as plain:
        await ledger.post(plain, key, None, "issuer_cost", issuer_cost(Money(10)))
    with pytest.raises(ledger.PostedDifferently):
        async with database.plain() as plain:
            await ledger.post(plain, key, None, "owed", owed(other, PRICE))
    made = await database.one("SELECT count(*) FROM account WHERE code = $1", f"seller_payable:{other}")
    assert made == (0,)


async def test_an_entry_is_kept_in_the_currency_of_its_account(database: Database) -> None:
    foreign = (
        "INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)"
        " SELECT t.id, a.id, v.amount, 'USD', now() FROM ledger_transaction t, account a,"
        " (VALUES (5), (-5)) AS v (amount) WHERE t.key = $1 AND a.code = 'issuer_cost' AND a.currency = 'CNY'"
    )

    async def add(key: str) -> None:
        async with database.plain() as plain:
            await ledger.post(plain, key, None, "issuer_cost", issuer_cost(Money(10)))
            await plain.row(foreign, key)

    with pytest.raises(asyncpg.CheckViolationError, match="another currency"):
        await add(new_id())


async def test_two_lines_of_one_account_are_both_written(session: AsyncSession) -> None:
    await ledger.post(session, "twice", None, "issuer_cost", issuer_cost(Money(10)) + issuer_cost(Money(10)))
    assert await ledger.balance(session, "issuer_cost") == Money(20)


async def test_new_transactions_are_written_together_and_a_used_key_is_an_error(database: Database) -> None:
    def step(key: str) -> ledger.Step:
        return ledger.Step(key, None, "issuer_cost", issuer_cost(Money(10)), business_day(now()), cause="answers:CARD")

    one, other = new_id(), new_id()
    async with database.transaction() as session:
        await ledger.post_new(session, [])
        await ledger.post_new(session, [step(one), step(other)])
    async with database.transaction() as session:
        assert await ledger.postings_of(session, one) == await ledger.postings_of(session, other) != {}
    with pytest.raises(ledger.PostedDifferently):
        async with database.transaction() as session:
            await ledger.post_new(session, [step(new_id()), step(one)])
    with pytest.raises(Unbalanced):
        async with database.transaction() as session:
            await ledger.post_new(session, [replace(step(new_id()), postings=issuer_cost(Money(10))[:1])])


async def test_sixteen_transactions_that_first_use_one_account_at_once_all_post(database: Database) -> None:
    owner = f"seller:{new_id()}"

    async def buy(number: int) -> None:
        async with database.transaction() as session:
            await ledger.post(session, f"{owner}:{number}", None, "owed", owed(owner, Money(100)))

    await asyncio.gather(*map(buy, range(16)))
    async with database.transaction() as session:
        assert await ledger.balance(session, f"seller_payable:{owner}") == Money(-1_600)


async def test_one_key_posted_by_eight_at_once_is_posted_once(database: Database) -> None:
    owner = f"seller:{new_id()}"

    async def buy(_: int) -> bool:
        async with database.transaction() as session:
            return await ledger.post(session, owner, None, "owed", owed(owner, PRICE))

    assert sorted(await asyncio.gather(*map(buy, range(8)))) == [False] * 7 + [True]
    async with database.transaction() as session:
        assert await ledger.balance(session, f"seller_payable:{owner}") == -PRICE


async def test_the_database_itself_refuses_entries_that_do_not_balance(database: Database) -> None:
    """Writes that bypass `post` meet the constraint trigger at commit."""

    async def write_one_sided() -> None:
        async with database.transaction() as session:
            await session.execute(
                text(
                    "WITH t AS (INSERT INTO ledger_transaction (key, what, at, effective_on, cause) VALUES (:key, 'owed', now(), now(), '') RETURNING id),"
                    " a AS (INSERT INTO account (code, kind, owner, sign, currency) VALUES (:key, 'asset', 'platform', 'either', 'CNY') RETURNING id)"
                    " INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)"
                    " SELECT t.id, a.id, 1, 'CNY', now() FROM t, a"
                ),
                {"key": new_id()},
            )

    with pytest.raises(DBAPIError, match="do not sum to zero"):
        await write_one_sided()


async def test_currencies_balance_apart(database: Database) -> None:
    lines = issuer_cost(Money(10))

    async def write_mixed() -> None:
        key = new_id()
        async with database.transaction() as session:
            await ledger.post(session, key, None, "issuer_cost", lines)
            await session.execute(
                text(
                    "INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)"
                    " SELECT t.id, a.id, v.amount, v.currency, now() FROM ledger_transaction t, account a,"
                    " (VALUES (5, 'CNY'), (-5, 'USD')) AS v (amount, currency) WHERE t.key = :key AND a.code = 'issuer_cost'"
                ),
                {"key": key},
            )

    with pytest.raises(DBAPIError, match="do not sum to zero"):
        await write_mixed()


def test_unbalanced_postings_never_reach_the_database() -> None:
    half: tuple[Posting, ...] = issuer_cost(Money(10))[:1]
    with pytest.raises(ValueError, match="zero"):
        require_balanced(half)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET amount_minor = amount_minor + 1",
        "DELETE FROM entry",
        "TRUNCATE entry CASCADE",
        "UPDATE ledger_transaction SET key = key || 'x'",
        "DELETE FROM ledger_transaction",
    ],
)
async def test_posting_cannot_be_changed(session: AsyncSession, change: str) -> None:
    await ledger.post(session, new_id(), None, "issuer_cost", issuer_cost(Money(10)))
    await session.execute(
        text("SET CONSTRAINTS ALL IMMEDIATE")
    )  # Else a table with checks to come cannot be emptied anyway.
    with pytest.raises(DBAPIError, match="append-only"):
        await session.execute(text(change))
