"""Decisions that their cards would not take, for the seniors who put their tasks back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome

SHOWN_MAX = 20  # The oldest; the next come up as these are put back.
_DECISION: Any = ReviewDecisionRow  # Attributes of models are columns in a statement.
_TASK: Any = WorkItemRow
_PERSON: Any = PersonRow


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
    """Those that stand, the oldest first, twenty at most."""
    waits = (_DECISION.undelivered_at.is_not(None), _DECISION.applied_at.is_(None), _DECISION.void_at.is_(None))
    statement = (
        select(ReviewDecisionRow, _PERSON.name)
        .join(WorkItemRow, _TASK.id == _DECISION.task_id)
        .outerjoin(PersonRow, _PERSON.id == _DECISION.person_id)
        .where(*waits, _TASK.closed_at.is_(None))
        .order_by(_DECISION.undelivered_at, _DECISION.id)
        .limit(SHOWN_MAX)
    )
    return tuple(_seen(row, name) for row, name in await session.execute(statement))


def _seen(row: ReviewDecisionRow, name: str | None) -> UndeliveredDecision:
    why = row.undelivered_why
    since = row.undelivered_at or row.made_at
    return UndeliveredDecision(row.id, row.card_id, row.outcome, name, since, why["code"], why["data"])
