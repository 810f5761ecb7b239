"""The balances of a closed month are those of the closing before and what was posted since: earlier months are not read again."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select, text

from database.repositories import ledger
from database.tables.finance.ledger import AccountRow, PeriodBalanceRow
from domain.finance.chart import account
from domain.finance.ledger import Posting, owed
from domain.finance.periods import first_day
from domain.identifiers import new_id
from domain.money import Money
from services.finance.periods import catch_up, keep_balances
from tests.builders.own_world import own_world
from tests.builders.world import World

world = own_world("closing_balances")


async def moved(world: World, owner: str, amount: int, day: date) -> None:
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "owed", owed(owner, Money(amount)), happened_on=day)


async def close(world: World, month: str) -> None:
    async with world.database.transaction() as session:
        await session.execute(
            text("INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES (:month, 'a', 'b', now())"),
            {"month": month},
        )


async def kept(world: World, owner: str, month: str) -> tuple[int, int, int]:
    """Return the debits, credits and balance kept of what a seller is owed."""
    statement = (
        select(PeriodBalanceRow.debits_minor, PeriodBalanceRow.credits_minor, PeriodBalanceRow.balance_minor)
        .join(AccountRow, AccountRow.id == PeriodBalanceRow.account_id)
        .where(AccountRow.code == f"seller_payable:{owner}", PeriodBalanceRow.month == month)
    )
    async with world.database.transaction() as session:
        return tuple((await session.execute(statement)).one())  # type: ignore[return-value]


async def test_closing_builds_on_the_previous_one_without_reading_its_entries(world: World) -> None:
    early, both, late = (f"seller:{new_id()}" for _ in range(3))
    for owner, amount, month in (
        (early, 10, "2018-11"),
        (both, 20, "2018-12"),
        (both, 3, "2019-01"),
        (late, 4, "2019-02"),
    ):
        await moved(world, owner, amount, first_day(month) + timedelta(days=27))
    await close(world, "2018-12")
    async with world.database.transaction() as session:
        await keep_balances(session, "2018-12")
        # An entry planted in a closed month, past every rule: a close that read it would count it.
        await session.execute(text("ALTER TABLE ledger_transaction DISABLE TRIGGER USER"))
        planted = (
            Posting(account("seller_payable", both), Money(-1_000)),
            Posting(account("suspense", "x"), Money(1_000)),
        )
        await ledger.post(session, "planted", None, "owed", planted, happened_on=first_day("2019-01"))
        await session.execute(text("UPDATE ledger_transaction SET effective_on = '2018-12-31' WHERE key = 'planted'"))
        await session.execute(text("ALTER TABLE ledger_transaction ENABLE TRIGGER USER"))
    await close(world, "2019-02")
    async with world.database.transaction() as session:
        await keep_balances(session, "2019-02")
    assert [await kept(world, one, "2019-02") for one in (early, both, late)] == [
        (0, 10, -10),
        (0, 23, -23),
        (0, 4, -4),
    ]
    await close(world, "2019-03")
    await close(world, "2019-04")
    assert (await catch_up(world.database), await catch_up(world.database)) == (2, 0)
    assert await kept(world, both, "2019-04") == await kept(world, both, "2019-03") == (0, 23, -23)
