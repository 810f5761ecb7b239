"""Which decisions count: one that is made and still open, and an approval that was applied."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.tables.review import ReviewDecisionRow
from domain.cards.review import APPROVALS, ReviewOutcome


def is_pending() -> ColumnElement[bool]:
    """Return the condition that a decision was neither applied to its card nor made void."""
    return and_(ReviewDecisionRow.applied_at.is_(None), ReviewDecisionRow.void_at.is_(None))


def approves(card_id: str) -> ColumnElement[bool]:
    """Return the condition that an approval was applied to this card since an item was last asked for again.

    What is sent again is seen for the first time, so that approvals before it settle nothing.
    """
    other = aliased(ReviewDecisionRow)
    asked_since = exists().where(
        other.card_id == card_id,
        other.outcome == ReviewOutcome.ASK_AGAIN,
        other.applied_at >= ReviewDecisionRow.applied_at,
    )
    applied = and_(ReviewDecisionRow.applied_at.is_not(None), ReviewDecisionRow.void_at.is_(None))
    return and_(ReviewDecisionRow.card_id == card_id, ReviewDecisionRow.outcome.in_(APPROVALS), applied, ~asked_since)


async def decision_on(session: AsyncSession, task_id: str) -> ReviewDecisionRow | None:
    """Return the task's valid decision, or None. Undone, returned or rejected ones do not count."""
    statement = select(ReviewDecisionRow).where(
        ReviewDecisionRow.task_id == task_id, ReviewDecisionRow.void_at.is_(None)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def decided_by(session: AsyncSession, task_id: str) -> str:
    """Return the id of the person who made the task's valid decision; empty where there is none, or a policy decided."""
    decision = await decision_on(session, task_id)
    return (decision.person_id if decision else None) or ""
