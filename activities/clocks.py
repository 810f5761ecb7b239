"""The clock of a review: whose time runs since when, and until when the task must be decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.deadlines import ClockIntervalRow, ClockPlanRow
from database.tables.review import ReviewTaskRow
from domain.deadlines import RUNNING, ClockOwner
from domain.identifiers import new_id
from domain.rules.limits import limits_in_force

_INTERVAL: Any = ClockIntervalRow  # Attributes of models are columns in a statement.


@dataclass(frozen=True)
class ClockPlan:
    """When a task is warned of and late, and what that was reckoned with; spans in working seconds."""

    version: int
    policy: str
    calendar: str
    budget_s: int
    used_s: int
    warn_at: datetime
    due_at: datetime


async def plan(session: AsyncSession, task: ReviewTaskRow, now: datetime, why: str) -> ClockPlan:
    """Plans the task's clock anew, in the caller's transaction, and keeps the plan with its cause.

    Sets `warn_at`, `due_at`, `plan_version` and `replan=False` on the task; the caller places it in the queue.
    `why`: opened | policy_changed | escalated | resumed.
    """
    deadlines = limits_in_force(now.date()).review_deadlines(task.card_type)
    planned = ClockPlan(
        version=1, policy="built-in", calendar="always", budget_s=deadlines.due_after_s, used_s=0,
        warn_at=task.opened_at + timedelta(seconds=deadlines.warn_after_s),
        due_at=task.opened_at + timedelta(seconds=deadlines.due_after_s),
    )  # fmt: skip
    _note(session, task, planned, now, why)
    return planned


async def pass_to(
    session: AsyncSession, task: ReviewTaskRow, owner: ClockOwner, now: datetime, person: str | None = None
) -> None:
    """From now on the card's time is this owner's: ends the interval that is open and begins the next.

    `person` (id) is who holds it, where one person does. The same owner and person again change nothing.
    """
    running = await _open_interval(session, task.card_id)
    if running is not None:
        if (running.task_id, running.owner, running.person_id) == (task.id, owner, person):
            return
        running.ended_at = max(now, running.started_at)
        await session.flush()  # A card has one open interval at any time, and the database holds us to it.
    session.add(
        ClockIntervalRow(
            id=new_id(), card_id=task.card_id, task_id=task.id, owner=owner, person_id=person,
            runs=owner in RUNNING, started_at=now,
        )
    )  # fmt: skip
    await session.flush()


def _note(session: AsyncSession, task: ReviewTaskRow, planned: ClockPlan, now: datetime, why: str) -> None:
    task.warn_at, task.due_at = planned.warn_at, planned.due_at
    task.plan_version, task.replan = planned.version, False
    session.add(
        ClockPlanRow(
            id=new_id(), task_id=task.id, policy_version=planned.version, policy=planned.policy,
            calendar=planned.calendar, budget_s=planned.budget_s, used_s=planned.used_s,
            warn_at=planned.warn_at, due_at=planned.due_at, why=why, at=now,
        )
    )  # fmt: skip


async def _open_interval(session: AsyncSession, card_id: str) -> ClockIntervalRow | None:
    """The card's running interval, locked: two at once pass it on one after the other."""
    wanted = select(ClockIntervalRow).where(_INTERVAL.card_id == card_id, _INTERVAL.ended_at.is_(None))
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()
