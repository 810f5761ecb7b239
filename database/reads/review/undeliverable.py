"""Decisions that their cards would not take, for the seniors who put their tasks back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import is_pending
from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome

SHOWN_MAX = 20  # The oldest; the next come up as these are reopened.


@dataclass(frozen=True)
class UndeliveredDecision:
    """One decision and why its card would not take it: a refusal's code, and its data by name."""

    id: str
    card_id: str
    outcome: ReviewOutcome
    by: str | None  # A name; None: the deadline policy decided.
    since: datetime
    code: str
    data: dict[str, Any]


async def undelivered(session: AsyncSession) -> tuple[UndeliveredDecision, ...]:
    """Return the unresolved ones, the oldest first, twenty at most."""
    waits = (
        ReviewDecisionRow.undelivered_at.is_not(None),
        is_pending(),
    )
    statement = (
        select(ReviewDecisionRow, PersonRow.name)
        .join(WorkItemRow, WorkItemRow.id == ReviewDecisionRow.task_id)
        .outerjoin(PersonRow, PersonRow.id == ReviewDecisionRow.person_id)
        .where(*waits, WorkItemRow.closed_at.is_(None))
        .order_by(ReviewDecisionRow.undelivered_at, ReviewDecisionRow.id)
        .limit(SHOWN_MAX)
    )
    return tuple(_seen(row, name) for row, name in await session.execute(statement))


def _seen(row: ReviewDecisionRow, name: str | None) -> UndeliveredDecision:
    why = row.undelivered_why
    since = row.undelivered_at or row.made_at
    return UndeliveredDecision(row.id, row.card_id, row.outcome, name, since, why["code"], why["data"])
