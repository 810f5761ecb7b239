"""Read the outcomes that await a second review, in the order of the queue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.work.task import TaskPhase

SHOWN_MAX = 100


@dataclass(frozen=True)
class StagedOutcome:
    """A task with the outcome that is to be checked, and its maker's name."""

    task: WorkItemRow
    decision: ReviewDecisionRow
    maker: str


async def staged(session: AsyncSession, most: int = SHOWN_MAX) -> tuple[StagedOutcome, ...]:
    """List the first `most` of them, in one statement; snoozed ones among them."""
    task = WorkItemRow
    statement = (
        select(task, ReviewDecisionRow, PersonRow.name)
        .join(ReviewDecisionRow, ReviewDecisionRow.id == task.staged_id)
        .join(PersonRow, PersonRow.id == ReviewDecisionRow.person_id)
        .where(task.closed_at.is_(None), task.decided.is_(False), task.phase == TaskPhase.CHECK)
        .order_by(task.band, task.order_at, task.id)
        .limit(most)
    )
    return tuple(StagedOutcome(*row) for row in await session.execute(statement))
