"""What keeps balances quick does its parts apart: one that fails stops none of the others, nor takes back what they did."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from database.repositories import checkpoints, holds, ledger
from database.tables.columns import now
from database.tables.finance.ledger import AccountRow, BalanceCheckpointRow, HoldRow, PeriodBalanceRow
from domain.finance.chart import account
from domain.finance.holds import HoldState
from domain.finance.ledger import Posting, owed
from domain.identifiers import new_id
from domain.money import Money
from jobs.books import Bookkeeper
from tests.builders.own_world import own_world
from tests.builders.selling import today
from tests.builders.world import World

world = own_world("books_apart")


async def broken(world: World, table: str, works: bool) -> None:
    """Let every write into a table fail, or work again."""
    async with world.database.transaction() as session:
        if works:
            await session.execute(text(f"DROP TRIGGER broken ON {table}"))
            return
        await session.execute(text("""
            CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$
        """))  # fmt: skip
        await session.execute(
            text(f"CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION broken()")
        )


@pytest.mark.parametrize(
    ("table", "month"),
    [("ledger_period_balance", "2019-01"), ("ledger_hold", "2019-02"), ("balance_checkpoint", "2019-03")],
)
async def test_a_part_that_fails_stops_no_other(world: World, table: str, month: str) -> None:
    owner, hold, busy = f"seller:{new_id()}", new_id(), account("cash", new_id())
    keeper = Bookkeeper(world.database)
    await keeper.look()
    async with world.database.transaction() as session:
        lines = [Posting(busy, Money(1)) for _ in range(checkpoints.ENTRIES_MIN)]
        rest = Posting(account("suspense", new_id()), Money(-checkpoints.ENTRIES_MIN))
        await ledger.post(session, new_id(), None, "bench", (*lines, rest))
        day = today().replace(year=2018)
        await ledger.post(session, new_id(), None, "owed", owed(owner, Money(100)), happened_on=day)
        await holds.reserve(session, hold, account("seller_payable", owner), Money(100), now() - timedelta(minutes=1))
    async with world.database.transaction() as session:
        await session.execute(
            text("INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES (:month, 'a', 'b', now())"),
            {"month": month},
        )
    await broken(world, table, False)
    answers = [(await asyncio.gather(keeper.look(), return_exceptions=True))[0] for _ in range(6)]
    assert any(isinstance(one, DBAPIError) for one in answers)
    found = await seen(world, hold, busy.code, month)
    assert found == {"ledger_hold", "balance_checkpoint", "ledger_period_balance"} - {table}
    await broken(world, table, True)
    for _ in range(4):
        await keeper.look()
    assert table in await seen(world, hold, busy.code, month)


async def seen(world: World, hold: str, busy: str, month: str) -> set[str]:
    """Return the tables whose part was done."""
    async with world.database.transaction() as session:
        ended = (await session.get_one(HoldRow, hold)).state is HoldState.EXPIRED
        made = select(BalanceCheckpointRow.upto).join(AccountRow).where(AccountRow.code == busy)
        kept = select(PeriodBalanceRow.account_id).where(PeriodBalanceRow.month == month)
        parts = {
            "ledger_hold": ended,
            "balance_checkpoint": bool((await session.execute(made)).scalars().all()),
            "ledger_period_balance": bool((await session.execute(kept)).scalars().all()),
        }
    return {name for name, done in parts.items() if done}
