"""Decide what a running repair does next: act, wait for proof, pause, or end. Reads the rows alone, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_machine
from database.tables.ops.repairs import RepairItemRow, RepairRow
from domain.ops.repairs import FAILURES, OVER, ItemState, Proof, RepairState, Suspended, judged, too_many_failures
from domain.places import business_day
from domain.rules.repairs import RepairRules, repairs_in_force
from services.ops.repairs.items import proof_of
from services.ops.repairs.telling import RepairNews, tell_repair

BATCH_MAX = 200
BATCH_S = 2  # So many seconds' worth of runs are acted on in one step.
LOOK_S_MIN, LOOK_S_MAX = 1, 15  # Between two looks at what is not proven yet.
# The card went somewhere else after the act, or ended.
_MOVED = """
UPDATE repair_item AS item SET state = 'cured', proven_at = :now
FROM card
WHERE item.repair_id = :repair_id AND item.state IN ('acted', 'failed_again') AND card.id = item.subject
  AND (card.since >= item.acting_at OR card.outcome IS NOT NULL OR (
      item.found->>'foreseen' = 'signal_again_replan'
      AND NOT EXISTS (SELECT FROM work_item AS task WHERE task.card_id = card.id AND task.closed_at IS NULL AND task.replan)
  ))
"""
_RELEASE = "UPDATE repair_item SET live = false WHERE repair_id = :repair_id AND live"


class Next(StrEnum):
    """What the workflow of a repair does next."""

    ACT = "act"
    LOOK = "look"  # Wait, then look again whether what was acted on is proven.
    STAND = "stand"  # Nothing before a person resumes or cancels it.
    END = "end"


@dataclass(frozen=True)
class RepairStep:
    """The next step. `limit` is how many runs to act on, `rate_per_s` how fast; `wait_s` how long to wait before looking."""

    what: Next
    limit: int = 0
    rate_per_s: int = 0
    wait_s: int = 0


async def advance(session: AsyncSession, repair_id: str, now: datetime) -> RepairStep:
    """Bring a repair forward by what its rows say, and return what to do next. It may suspend or end the repair."""
    row = await session.get_one(RepairRow, repair_id, with_for_update=True)
    if row.state in OVER:
        return RepairStep(Next.END)
    if row.state is not RepairState.RUNNING:
        return RepairStep(Next.STAND)
    row.started_at = row.started_at or now
    if proof_of(row) is Proof.MOVED:
        await session.execute(text(_MOVED), {"repair_id": row.id, "now": now})
    counts, rules = await _counts(session, row.id), repairs_in_force(business_day(now))
    if too_many_failures(_since_resumed(row, counts), rules.failures_min, row.failures_bp):
        return await _suspend(session, row, Suspended.FAILURES, now)
    if row.canary and not row.canary_passed and (step := await _canary(session, row, counts, rules, now)) is not None:
        return step
    if counts.get(ItemState.WAITING, 0) or counts.get(ItemState.ACTING, 0):
        return _act(row, BATCH_MAX)
    if _may_be_proven(row, counts, rules, now):
        return _look(row, now)
    return await _end(session, row, counts, now)


async def _canary(
    session: AsyncSession, row: RepairRow, counts: Mapping[ItemState, int], rules: RepairRules, now: datetime
) -> RepairStep | None:
    """The first runs alone, until they are proven; None once the rest may follow."""
    waiting, acting = counts.get(ItemState.WAITING, 0), counts.get(ItemState.ACTING, 0)
    unproven, cured = counts.get(ItemState.ACTED, 0), counts.get(ItemState.CURED, 0)
    failed = sum(counts.get(state, 0) for state in FAILURES)
    acted = acting + unproven + cured + failed
    if acted < row.canary and (waiting or acting):
        return _act(row, row.canary - acted + acting)
    if acting:
        return _act(row, acting)
    if waiting and unproven:
        if _over(row, rules.canary_wait_s, now):
            return await _suspend(session, row, Suspended.CANARY, now)
        return _look(row, now)
    if waiting and failed > row.forgiven and failed * 10_000 > row.failures_bp * acted:
        return await _suspend(session, row, Suspended.FAILURES, now)
    row.canary_passed = True
    return None


def _may_be_proven(row: RepairRow, counts: Mapping[ItemState, int], rules: RepairRules, now: datetime) -> bool:
    """Whether the last items get more time: what failed again is still retried, but is not waited for as long."""
    acted, failed = counts.get(ItemState.ACTED, 0), counts.get(ItemState.FAILED_AGAIN, 0)
    return bool(acted and not _over(row, rules.proof_wait_s, now)) or bool(
        failed and not _over(row, rules.canary_wait_s, now)
    )


def _since_resumed(row: RepairRow, counts: Mapping[ItemState, int]) -> dict[ItemState, int]:
    """The counts without the failures that a person has seen and resumed the repair after."""
    failed = sum(counts.get(state, 0) for state in FAILURES)
    kept = {state: number for state, number in counts.items() if state not in FAILURES}
    return kept | {ItemState.FAILED: max(0, failed - row.forgiven)}


def _act(row: RepairRow, most: int) -> RepairStep:
    return RepairStep(Next.ACT, max(1, min(most, BATCH_MAX, BATCH_S * row.rate_per_s)), row.rate_per_s)


def _look(row: RepairRow, now: datetime) -> RepairStep:
    """Looks come at longer and longer intervals: what is proven soon is seen soon, and history stays short."""
    waited = int((now - (row.acted_at or now)).total_seconds())
    return RepairStep(Next.LOOK, wait_s=max(LOOK_S_MIN, min(LOOK_S_MAX, waited // 4)))


def _over(row: RepairRow, wait_s: int, now: datetime) -> bool:
    return row.acted_at is not None and row.acted_at + timedelta(seconds=wait_s) <= now


async def _suspend(session: AsyncSession, row: RepairRow, why: Suspended, now: datetime) -> RepairStep:
    row.state, row.suspended_why, row.suspended_at = RepairState.SUSPENDED, why, now
    session.add(by_machine("machine:repair:suspend", row.id, facts={"why": why.value}))
    await tell_repair(session, {row.submitted_by or row.drafted_by}, row, RepairNews.SUSPENDED, at=now)
    return RepairStep(Next.STAND)


async def _end(
    session: AsyncSession, row: RepairRow, counts: Mapping[ItemState, int], now: datetime
) -> RepairStep:  # fmt: skip
    row.state, row.ended_at = judged(counts), now
    await session.execute(text(_RELEASE), {"repair_id": row.id})
    facts = {"state": row.state.value} | {state.value: number for state, number in counts.items()}
    session.add(by_machine("machine:repair:end", row.id, facts=facts))
    await tell_repair(session, {row.submitted_by or row.drafted_by}, row, RepairNews.ENDED)
    return RepairStep(Next.END)


async def _counts(session: AsyncSession, repair_id: str) -> dict[ItemState, int]:
    counted = (
        select(RepairItemRow.state, func.count().label("number"))
        .where(RepairItemRow.repair_id == repair_id)
        .group_by(RepairItemRow.state)
    )
    return {one.state: one.number for one in await session.execute(counted)}
