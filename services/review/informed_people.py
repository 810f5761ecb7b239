"""Who knows how a card was decided: none of them can decide it again without knowing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.review import ReviewCheckRow, ReviewDecisionRow
from services.people.acting import handled_by


async def who_know(session: AsyncSession, card_id: str, now: datetime, task_id: str | None = None) -> list[str]:
    """Return everyone (ids) who decided or checked the card, with all they acted for and the recent makers of their accounts.

    With a `task_id` only those of that task.
    """
    about = [ReviewDecisionRow.card_id == card_id]
    if task_id is not None:
        about.append(ReviewDecisionRow.task_id == task_id)
    makers = select(ReviewDecisionRow.person_id, ReviewDecisionRow.acting_for).where(
        *about, ReviewDecisionRow.person_id.is_not(None)
    )
    checkers = (
        select(ReviewCheckRow.person_id, ReviewCheckRow.acting_for)
        .join(ReviewDecisionRow, ReviewDecisionRow.id == ReviewCheckRow.decision_id)
        .where(*about)
    )
    found = [*await session.execute(makers), *await session.execute(checkers)]
    knowing = {one for person, acted_for in found for one in (person, *acted_for)}
    return sorted(knowing.union(*(await handled_by(session, knowing, now)).values()))
