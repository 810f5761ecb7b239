"""The job that keeps balances quick, and ends holds that were not posted in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from database.repositories import checkpoints, holds, ledger
from database.tables.columns import now
from database.tables.finance.ledger import AccountRow, BalanceCheckpointRow, HoldRow
from domain.finance.chart import account
from domain.finance.holds import HoldState
from domain.finance.ledger import Posting, owed
from domain.identifiers import new_id
from domain.money import Money
from jobs import books
from jobs.books import Bookkeeper
from tests.builders.world import World


async def test_a_busy_account_gets_a_checkpoint_and_a_quiet_one_none(world: World) -> None:
    busy, quiet, keeper = account("cash", new_id()), account("cash", new_id()), Bookkeeper(world.database)
    while await keeper.look():
        pass
    async with world.database.transaction() as session:
        lines = [Posting(busy, Money(1)) for _ in range(checkpoints.ENTRIES_MIN)]
        rest = Money(-checkpoints.ENTRIES_MIN)
        await ledger.post(session, new_id(), None, "bench", (*lines, Posting(account("suspense", new_id()), rest)))
        await ledger.post(session, new_id(), None, "bench", (Posting(quiet, Money(1)), Posting(busy, Money(-1))))
    for _ in range(20):
        await keeper.look()
    async with world.database.transaction() as session:
        made = select(AccountRow.code, func.count()).join(BalanceCheckpointRow).group_by(AccountRow.code)
        found = {row[0]: row[1] for row in await session.execute(made)}
        assert (found.get(busy.code), found.get(quiet.code)) == (1, None)
        assert (await ledger.balance(session, busy.code)).amount_minor == checkpoints.ENTRIES_MIN - 1


@pytest.mark.parametrize(("minutes", "state"), [(-1, HoldState.EXPIRED), (1, HoldState.HELD)])
async def test_a_hold_ends_when_its_time_is_over(world: World, minutes: int, state: HoldState) -> None:
    owner, key = f"seller:{new_id()}", new_id()
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "owed", owed(owner, Money(100)))
        await holds.reserve(
            session, key, account("seller_payable", owner), Money(100), now() + timedelta(minutes=minutes)
        )
    await Bookkeeper(world.database).look()
    async with world.database.transaction() as session:
        assert (await session.get_one(HoldRow, key)).state is state


async def test_new_process_continues_from_the_newest_checkpoint_in_batches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "ENTRIES_AT_ONCE", 50)
    busy, other = account("cash", new_id()), account("suspense", new_id())
    async with world.database.transaction() as session:
        lines = [Posting(busy, Money(1)) for _ in range(checkpoints.ENTRIES_MIN)]
        await ledger.post(session, new_id(), None, "bench", (*lines, Posting(other, Money(-checkpoints.ENTRIES_MIN))))
    keeper = Bookkeeper(world.database)
    for _ in range(60):
        await keeper.look()
    async with world.database.transaction() as session:
        made = (
            select(func.count()).select_from(BalanceCheckpointRow).join(AccountRow).where(AccountRow.code == busy.code)
        )
        assert (await session.execute(made)).scalar_one() == 1
        assert (await ledger.balance(session, busy.code)).amount_minor == checkpoints.ENTRIES_MIN
