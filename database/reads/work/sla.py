"""The clocks of reviews as they are kept: intervals, versions of the policies, and the deadline that follows from both."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.policies import PolicyDocumentRow
from database.tables.work import ClockIntervalRow, WorkItemRow
from domain.rules.deadlines import KIND, built_in, parsed
from domain.work.deadlines import ClockOwner, ClockPlan, Policies, Stretch, Terms, clock_plan
from domain.work.kinds import kind_of


async def policies_of(session: AsyncSession, version: int) -> Policies:
    """Return one version; the built-in one for a version that was never saved."""
    row = await session.get(PolicyDocumentRow, (KIND.code, version))
    if row is None:
        return built_in()
    return parsed(row.version, json.dumps(row.document, sort_keys=True))


async def intervals(session: AsyncSession, tasks: Iterable[WorkItemRow]) -> dict[str, list[Stretch]]:
    """All intervals of these items' clocks by item, oldest first; an item without any has an empty list."""
    clocks = {task.id: clock_of(task) for task in tasks}
    cards, own = ({clock[place] for clock in clocks.values()} - {None} for place in (0, 1))
    found: dict[tuple[str | None, str | None], list[Stretch]] = defaultdict(list)
    which = or_(
        ClockIntervalRow.card_id.in_(cards), and_(ClockIntervalRow.card_id.is_(None), ClockIntervalRow.task_id.in_(own))
    )
    for row in (
        await session.execute(select(ClockIntervalRow).where(which).order_by(ClockIntervalRow.started_at))
    ).scalars():
        stretch = Stretch(row.task_id, row.owner, row.started_at, row.ended_at, row.person_id)
        found[row.card_id, None if row.card_id else row.task_id].append(stretch)
    return {task_id: found[clock] for task_id, clock in clocks.items()}


def clock_of(task: WorkItemRow) -> tuple[str | None, str | None]:
    """Return the card whose clock the item goes by, or the item itself where its kind holds up no card."""
    return (task.card, None) if kind_of(task.kind).holds_card else (None, task.id)


def with_own(card: Sequence[Stretch], task: WorkItemRow) -> list[Stretch]:
    """Return the card's stretches; a task whose first was never written has run since its opening."""
    if any(stretch.task_id == task.id for stretch in card):
        return list(card)
    return [*card, Stretch(task.id, ClockOwner.REVIEWER, task.opened_at, task.closed_at)]


def terms_of(task: WorkItemRow) -> Terms:
    """Return what the task's policy is chosen by."""
    return Terms(task.card_type, task.value_minor, task.priority, frozenset(task.reasons), task.team, task.kind)


def replanned(policies: Policies, task: WorkItemRow, card: Sequence[Stretch], now: datetime) -> ClockPlan:
    """Return the task's plan from the stretches of its card by these policies; `now` counts for a paused clock."""
    return clock_plan(policies, terms_of(task), task.id, with_own(card, task), now)
