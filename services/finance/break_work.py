"""The work items of breaks: opened for each, and closed with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.statements import BreakRow
from database.tables.work import WorkItemRow
from domain.finance.breaks import BREAK, TEAM, BreakState
from domain.identifiers import break_task
from domain.work.deadlines import ClockOwner
from domain.work.task import CameBack
from services.work import items, sla
from services.work.ordering import sent_back


async def open_work(session: AsyncSession, now: datetime, limit: int) -> int:
    """Put up to `limit` breaks without work into the queue of finance, the oldest first; return how many."""
    wanted = (BreakRow.state != BreakState.CLOSED, BreakRow.task_id.is_(None))
    found = select(BreakRow).where(*wanted).order_by(BreakRow.id).limit(limit).with_for_update(skip_locked=True)
    rows = list((await session.execute(found)).scalars())
    for row in rows:
        task = WorkItemRow(
            id=break_task(row.id), kind=BREAK, language="zh_CN", team=TEAM, value_minor=abs(row.amount_minor),
            reasons=[row.kind.value], opened_at=now, order_at=now, warn_at=now, due_at=now,
        )  # fmt: skip
        await items.opened(session, task, ClockOwner.FINANCE, now)
        row.task_id = task.id
    return len(rows)


async def close_work(session: AsyncSession, task_id: str, now: datetime) -> None:
    """Close the work item of a break that is over."""
    task = await session.get_one(WorkItemRow, task_id, with_for_update=True, populate_existing=True)
    await items.closed(session, task, now)


async def reopen_work(session: AsyncSession, task_id: str, reason: str, now: datetime) -> None:
    """Return the work item of a reopened break to the queue; its clock continues."""
    task = await session.get_one(WorkItemRow, task_id, with_for_update=True, populate_existing=True)
    if task.closed_at is None:
        return
    task.closed_at, task.waiting = None, False
    task.warned_at = task.breached_at = task.next_chain_at = None
    await session.flush()
    await sla.pass_to(session, task, ClockOwner.FINANCE, now)
    await sla.plan(session, task, now, "resumed")
    sent_back(task, CameBack.REVERSED, reason, now)
