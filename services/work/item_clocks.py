"""The clocks of items that hold up no card: replanned, warned of, breached and reminded of by a background job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.work import WorkItemRow
from domain.work.kinds import kinds
from domain.work.task import Alarm
from services.work import alarms, sla

LOOP = "own_clocks"


class OwnClocks:
    """Rings what is due of every kind whose timers are not those of a card's workflow. Each alarm is sent once."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def ring(self, limit: int) -> int:
        """Look after up to `limit` items and return how many moved on. Raises DatabaseUnavailable."""
        now, done, newest = self._now(), 0, sla.newest_version()
        async with self._database.reading() as session:
            found = await due_items(session, newest, now, limit)
        for task_id in found:
            async with apart(self._database, LOOP, task_id), self._database.transaction() as session:
                done += await _rung(session, task_id, newest, now)
        return done


async def due_items(session: AsyncSession, newest: int, now: datetime, limit: int) -> list[str]:
    """Return the items whose plan is old, or whose warning, deadline or next step of the chain has come."""
    own = [kind.code for kind in kinds() if not (kind.holds_card or kind.keeps_own_time)]
    due = or_(
        WorkItemRow.replan,
        and_(WorkItemRow.plan_version > 0, WorkItemRow.plan_version < newest),
        and_(WorkItemRow.warned_at.is_(None), WorkItemRow.warn_at <= now),
        and_(WorkItemRow.breached_at.is_(None), WorkItemRow.due_at <= now),
        WorkItemRow.next_chain_at <= now,
    )
    open_ones = (WorkItemRow.kind.in_(own), WorkItemRow.closed_at.is_(None), due, ~left_out(LOOP, WorkItemRow.id, now))
    statement = (
        select(WorkItemRow.id)
        .where(*open_ones)
        .order_by(WorkItemRow.breached_at.is_not(None), WorkItemRow.due_at)
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def _rung(session: AsyncSession, task_id: str, newest: int, now: datetime) -> bool:
    """Whether anything was due of this item; one that was closed meanwhile is left alone."""
    task = await alarms.locked(session, task_id)
    if task.closed_at is not None:
        return False
    moved = task.replan or 0 < task.plan_version < newest
    plan = await alarms.replan(session, task, now) if moved else await sla.planned(session, task, now)
    for alarm, sent_at, at in (
        (Alarm.WARNING, task.warned_at, plan.warn_at),
        (Alarm.BREACH, task.breached_at, plan.due_at),
    ):
        if sent_at is None and at <= now:
            await alarms.sound(session, task, alarm, now)
            moved = True
    for step, at in enumerate(plan.chain):
        if at <= now:
            moved = await alarms.sound_chain(session, task, step, now) or moved
    task.next_chain_at = min((at for at in plan.chain if at > now), default=None) if task.breached_at else None
    return moved
