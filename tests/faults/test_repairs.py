"""An outage of many cards is one cause, one repair mends it, and the repair goes on where it stood when its worker is killed."""

from __future__ import annotations

import asyncio
import signal

import pytest

from bootstrap.store import database
from database.reads.ops import repairs as reads
from database.session import Database
from domain.cards.card import Outcome, WaitingFor
from domain.ops.repairs import ItemState, RepairKind, RepairState
from services.ops.repairs.desk import RepairPlan, Repairs
from services.ops.repairs.sources import OfCause
from tests.whole import WHOLE, WholePlatform, jd_card, starbucks_card, until

pytestmark = [WHOLE, pytest.mark.proof, pytest.mark.timeout(400)]
CARDS = 16
_CAUSE = "SELECT cause, runs FROM stuck_cause WHERE error_class = 'gateway_unavailable' AND provider = 'issuer:jd'"
_OPS = "SELECT id FROM person WHERE roles @> '[\"ops\"]' AND active ORDER BY id LIMIT 1"


async def _repair(store: Database, repair_id: str) -> reads.Repair:
    async with store.transaction() as session:
        found = await reads.repair(session, repair_id)
    assert found is not None
    return found


async def test_an_outage_is_repaired_by_one_batch_that_is_killed_half_way(whole: WholePlatform) -> None:
    store = database(whole.settings)
    desk = Repairs(store)
    reviewed = starbucks_card()
    waiting = await whole.hand_in(reviewed)
    await whole.reaches(waiting, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    try:
        async with whole.control("issuer", error_rate=1.0):
            cards = [await whole.hand_in(jd_card()) for _ in range(CARDS)]

            async def one_cause() -> bool:
                return [row.runs for row in await whole.rows(_CAUSE)] == [CARDS]

            await until(one_cause, 90, lambda: "the cards are not one cause")
            (cause,) = await whole.rows(_CAUSE)
            (person,) = await whole.rows(_OPS)
            plan = RepairPlan(RepairKind.RETRY_NOW, "provider_back", canary=2, rate_per_s=1, failures_bp=8_000)
            repair_id = await desk.draft(person.id, plan, OfCause(cause.cause))
        await desk.preview(person.id, repair_id)
        await desk.submit(person.id, repair_id)

        async def half_way() -> bool:
            seen = await _repair(store, repair_id)
            if seen.row.state is RepairState.SUSPENDED:  # The breaker was still open for the first cards.
                await desk.resume(person.id, repair_id)
            return seen.counts.of(ItemState.WAITING) <= CARDS // 2

        await until(half_way, 90, lambda: "it never came half-way")
        whole.signal("worker-cards", signal.SIGKILL)
        await whole.approve(waiting, reviewed)

        async def over() -> bool:
            state = (await _repair(store, repair_id)).row.state
            if state is RepairState.SUSPENDED:
                await desk.resume(person.id, repair_id)
            return state is RepairState.DONE

        await until(over, 180, lambda: "the repair never ended")
        counts = (await _repair(store, repair_id)).counts
        assert counts.total == CARDS
        assert counts.of(ItemState.CURED, ItemState.EXCLUDED, ItemState.ENDED) == CARDS
        for card in [*cards, waiting]:
            assert (await whole.paid(card, 120)).outcome is Outcome.PAID
            assert len(await whole.transfers(card)) == 1
    finally:
        await store.dispose()
    await asyncio.sleep(1)
    assert await whole.violations() == []
