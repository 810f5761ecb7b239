"""I11 accepts a clock that runs, pauses and ends as it should, and names each way in which it can be untrue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.clock_invariant import untrue_clocks
from database.invariants import violations
from database.repositories import cards, evidence
from database.repositories.cards import Change
from database.tables.cards import CardRow
from database.tables.work import ClockIntervalRow, WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.identifiers import new_id
from domain.work.deadlines import RUNNING, ClockOwner
from tests.database.builders import RING, a_card, a_task

OPENED = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
# The policy for e-commerce cards that comes with the product: half an hour, warned of after three quarters of it.
LEFT, WARNED_AFTER = timedelta(minutes=20), timedelta(minutes=15)


async def spent(
    session: AsyncSession, card: CardRow, task: str, owner: ClockOwner, starts: datetime, ends: datetime | None = None
) -> None:
    row = ClockIntervalRow(
        id=new_id(), card_id=card.id, task_id=task, owner=owner, runs=owner in RUNNING, started_at=starts, ended_at=ends
    )  # fmt: skip
    session.add(row)
    await session.flush()


async def a_card_in_review(session: AsyncSession) -> tuple[CardRow, WorkItemRow]:
    """It was asked about once, which took ten minutes of the half hour, and is a reviewer's for the second time."""
    card = await a_card(session)
    first = await a_task(session, card)
    first.closed_at = OPENED - AN_HOUR
    await session.flush()
    task = await a_task(session, card, 2)
    await spent(
        session, card, first.id, ClockOwner.REVIEWER, OPENED - AN_HOUR - timedelta(minutes=10), OPENED - AN_HOUR
    )
    await spent(session, card, first.id, ClockOwner.SELLER, OPENED - AN_HOUR, OPENED)
    await spent(session, card, first.id, ClockOwner.MACHINE, OPENED, OPENED)
    await spent(session, card, task.id, ClockOwner.REVIEWER, OPENED)
    task.opened_at, task.plan_version = OPENED, 1
    task.warn_at, task.due_at = OPENED + WARNED_AFTER, OPENED + LEFT
    await session.flush()
    await cards.record(session, card.id, Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, "review.opened"))
    return card, task


async def test_clock_paused_for_the_seller_and_restarted_is_valid(session: AsyncSession) -> None:
    await a_card_in_review(session)
    assert await untrue_clocks(session) == []
    await evidence.sequence(session, RING)
    assert await violations(session, RING.evidence_public_key) == []


PLANTED = {
    "a deadline that nobody can calculate": ("due at", "UPDATE work_item SET due_at = due_at + interval '1 minute' WHERE closed_at IS NULL"),
    "a warning at another moment": ("warned of at", "UPDATE work_item SET warn_at = warn_at - interval '1 minute' WHERE closed_at IS NULL"),
    "a stretch that nobody kept": ("due at", "DELETE FROM clock_interval WHERE owner = 'reviewer' AND ended_at IS NOT NULL"),
    "the seller's time taken for ours": ("due at", "UPDATE clock_interval SET owner = 'reviewer', runs = true WHERE owner = 'seller'"),
    "two at a time": ("and of another at", "UPDATE clock_interval SET ended_at = ended_at + interval '1 second' WHERE owner = 'seller'"),
    "an end before its beginning": (
        "until before", "UPDATE clock_interval SET ended_at = started_at - interval '1 second' WHERE owner = 'machine'",
    ),
    "an open task whose clock stands": ("its clock stands", "UPDATE clock_interval SET ended_at = now() WHERE ended_at IS NULL"),
    "an ended card that is somebody's time": (
        "has ended", "UPDATE card SET outcome = 'rejected', stage = 'ended', waiting_for = 'nobody'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
async def test_a_planted_fault_is_named(session: AsyncSession, fault: str) -> None:
    card, _ = await a_card_in_review(session)
    card_id, (told, sql) = card.id, PLANTED[fault]
    await session.execute(text(sql))
    session.expire_all()
    found = await untrue_clocks(session)
    assert [one for one in found if told in one and card_id in one]
    assert "I11" in {one.invariant for one in await violations(session, RING.evidence_public_key)}


async def test_a_task_about_to_be_replanned_and_one_without_policy_are_left_out(session: AsyncSession) -> None:
    _, task = await a_card_in_review(session)
    task.due_at += AN_HOUR
    await session.flush()
    assert await untrue_clocks(session) != []
    task.replan = True
    await session.flush()
    assert await untrue_clocks(session) == []
    task.replan, task.plan_version = False, 0
    await session.flush()
    assert await untrue_clocks(session) == []
