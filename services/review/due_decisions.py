"""Send decisions to their cards once they can no longer be undone and every check they need has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import is_pending
from database.repositories.set_aside import left_out
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from services.work import drafts

LOOP = "teller"
RESEND_AFTER = timedelta(seconds=10)  # A sent but unapplied decision is delivered again: the card takes it once.


@dataclass(frozen=True)
class DueDecision:
    """A decision on its way to its card."""

    card_id: str
    task_id: str
    decision_id: str


async def send(
    session: AsyncSession, moment: datetime, most: int, *, only: str | None = None, again: bool = False
) -> list[DueDecision]:
    """Marks as sent the decisions that are due to leave, the oldest first, and returns them; `only` names one of them.
    `again`: also decisions sent a moment ago, for an explicit retry.

    From this mark on a decision cannot be undone. One statement finds and marks them, so two tellers share the work.
    """
    due = _due(moment, again=again)
    if only is not None:
        due = due.where(ReviewDecisionRow.id == only)
    found = (
        due.order_by(ReviewDecisionRow.effective_at, ReviewDecisionRow.id)
        .limit(most)
        .with_for_update(of=ReviewDecisionRow, skip_locked=True)
    )
    chosen = found.cte("due_to_leave")  # Evaluated once, whatever the plan; a subquery might lock more than it marks.
    marked = (
        update(ReviewDecisionRow)
        .where(ReviewDecisionRow.id.in_(select(chosen.c.id)))
        .values(sent_at=moment)
        .returning(
            ReviewDecisionRow.card_id, ReviewDecisionRow.task_id, ReviewDecisionRow.id, ReviewDecisionRow.effective_at
        )
        .execution_options(synchronize_session=False)
    )
    rows = sorted((await session.execute(marked)).all(), key=lambda row: (row.effective_at, row.id))
    for row in rows:
        await drafts.forget(session, row.task_id)
    return [DueDecision(row.card_id, row.task_id, row.id) for row in rows]


def _due(moment: datetime, *, again: bool) -> Any:
    unheard = ReviewDecisionRow.sent_at.is_(None) | (ReviewDecisionRow.sent_at < moment - RESEND_AFTER) | again
    # A staged outcome leaves its task undecided until a second reviewer has applied it.
    checked = (ReviewDecisionRow.needs_check == "") | WorkItemRow.decided
    stands = (
        is_pending(),
        WorkItemRow.closed_at.is_(None),
    )
    taken = ReviewDecisionRow.undelivered_at.is_(None)  # A card that has refused is not asked again automatically.
    found = select(ReviewDecisionRow.id).join(WorkItemRow, WorkItemRow.id == ReviewDecisionRow.task_id)
    ready = ~left_out(LOOP, ReviewDecisionRow.id, moment)
    return found.where(*stands, taken, ReviewDecisionRow.effective_at <= moment, unheard, checked, ready)
