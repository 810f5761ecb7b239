"""A period of a counterparty from its entries to its payment: every amount from the ledger, each entry settled once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.invariants import BALANCES, UNBALANCED
from database.tables.finance_settlement import (
    SettlementEventRow,
)
from database.tables.platform import OutboxRow
from domain.finance.settlement import SettlementEnding, SettlementState
from domain.identifiers import settlement_key
from tests.builders.settling import Settling
from tests.builders.world import World, world_at

NOV_5, NOV_20, DEC_1 = date(2026, 11, 5), date(2026, 11, 20), date(2026, 12, 1)
ANSWER, APPROVAL, CLOSED = SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.CLOSED
PAYEE, DISPUTED = SettlementState.PAYEE, SettlementState.DISPUTED


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_world(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A database of these tests alone, so that the books can be compared as a whole."""
    url = make_migrated(f"settling_{worker}")
    async with world_at(url, tmp_path_factory.mktemp("settling"), pool_size=4) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def scene(own_world: World) -> Settling:
    await own_world.calm()
    return Settling(own_world)


async def nothing_is_wrong(scene: Settling) -> None:
    async with scene.world.database.transaction() as session:
        for sql in (UNBALANCED, BALANCES):
            assert list((await session.execute(text(sql))).scalars()) == []


async def story(scene: Settling, run_id: str) -> list[str]:
    return [one.what for one in await scene.world.rows(SettlementEventRow, run_id=run_id)]


async def test_a_month_is_collected_stated_confirmed_approved_paid_and_closed(scene: Settling) -> None:
    party = await scene.a_party()
    for minor, day in ((120_00, NOV_5), (80_50, NOV_20), (999_00, DEC_1)):
        await scene.owes(party, minor, day)
    run = await scene.stated(party)
    assert (run.state, run.period, run.version, run.payable_minor) == (ANSWER, "2026-11", 1, 200_50)
    assert await scene.confirmed(run, party) is APPROVAL
    assert await scene.approved(run) is CLOSED
    ended = await scene.run(run.id)
    assert (ended.ending, ended.carried_out_minor) == (SettlementEnding.PAID, 0)
    key = settlement_key(run.id, 1)
    assert [one["amount_minor"] for one in await scene.world.transfers(key)] == [200_50]
    assert await scene.owed(party) == 999_00  # December's is the next run's.
    assert await story(scene, run.id) == [
        "begun", "collected", "stated", "answered_confirmed", "approved", "to_be_paid", "ordered", "payment_paid",
        "closed_paid",
    ]  # fmt: skip
    topics = [one.topic for one in await scene.world.rows(OutboxRow, destination=f"partner:{party.partner_id}")]
    assert sorted(topics) == ["settlement.paid", "settlement.stated"]
    await nothing_is_wrong(scene)
