"""The clocks of reviews as they are kept: intervals, versions of the policies, and the deadline that follows from both."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.deadlines import ClockIntervalRow, DeadlinePolicyRow
from database.tables.review import ReviewTaskRow
from domain.rules.deadlines import built_in
from domain.work.deadline_document import parse
from domain.work.deadlines import ClockOwner, ClockPlan, Policies, Stretch, Terms, reckon

_INTERVAL: Any = ClockIntervalRow  # Attributes of models are columns in a statement.


async def policies_of(session: AsyncSession, version: int) -> Policies:
    """One version; the built-in one for a version that nobody saved."""
    row = await session.get(DeadlinePolicyRow, version)
    return built_in() if row is None else policies_in(row)


def policies_in(row: DeadlinePolicyRow) -> Policies:
    """The policies of a version that was saved."""
    return _parsed(row.version, json.dumps(row.document, sort_keys=True))


async def intervals(session: AsyncSession, cards: Iterable[str]) -> dict[str, list[Stretch]]:
    """All intervals of these cards, oldest first; a card without any has an empty list."""
    found: dict[str, list[Stretch]] = defaultdict(list)
    wanted = select(ClockIntervalRow).where(_INTERVAL.card_id.in_(list(cards))).order_by(_INTERVAL.started_at)
    for row in (await session.execute(wanted)).scalars():
        found[row.card_id].append(Stretch(row.task_id, row.owner, row.started_at, row.ended_at, row.person_id))
    return found


def with_own(card: Sequence[Stretch], task: ReviewTaskRow) -> list[Stretch]:
    """The card's stretches; a task whose first was never written has run since its opening."""
    if any(stretch.task_id == task.id for stretch in card):
        return list(card)
    return [*card, Stretch(task.id, ClockOwner.REVIEWER, task.opened_at, task.closed_at)]


def terms_of(task: ReviewTaskRow) -> Terms:
    """What the task's policy is chosen by."""
    return Terms(task.card_type, task.value_minor, task.priority, frozenset(task.reasons), task.team)


def replanned(policies: Policies, task: ReviewTaskRow, card: Sequence[Stretch], now: datetime) -> ClockPlan:
    """Return the task's plan from the stretches of its card by these policies; `now` counts for a paused clock."""
    return reckon(policies, terms_of(task), task.id, with_own(card, task), now)


@lru_cache(maxsize=16)
def _parsed(version: int, document: str) -> Policies:
    return parse(json.loads(document), version)
