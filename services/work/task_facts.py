"""What eligibility depends on, read from a task's row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.work.eligibility import TaskFacts
from domain.work.task import TaskPhase


async def task_facts(session: AsyncSession, task: WorkItemRow) -> TaskFacts:
    """Return what eligibility depends on, of this row; one more statement when an outcome waits for its check."""
    checkable_at = None
    if task.phase is TaskPhase.CHECK and task.staged_id is not None:
        staged = await session.get(ReviewDecisionRow, task.staged_id)
        checkable_at = staged.effective_at if staged else None
    return facts_of(task, checkable_at)


def facts_of(task: WorkItemRow, checkable_at: datetime | None) -> TaskFacts:
    """Return what eligibility depends on, where the end of the staged outcome's undo window is known."""
    return TaskFacts(
        kind=task.kind,
        card_type=None if task.card_type is None else task.card_type.value,
        brand=task.brand,
        language=task.language,
        value_minor=task.value_minor,
        seller=task.seller,
        phase=task.phase,
        escalated=task.escalated,
        closed=task.closed_at is not None,
        decided=task.decided,
        leased_by=task.leased_by,
        leased_until=task.leased_until,
        assigned_to=task.assigned_to,
        snoozed_until=task.snoozed_until,
        maker_circle=frozenset(task.maker_circle),
        barred=frozenset(task.barred),
        checkable_at=checkable_at,
        linked=frozenset(task.linked),
    )
