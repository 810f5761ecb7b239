"""Work items of every kind: found by id, opened with their first clock, and closed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.work.deadlines import ClockOwner, ClockPlan
from domain.work.kinds import kind_of
from services.work import drafts, sla
from services.work.leases import end_lease
from services.work.ordering import placed


async def item(session: AsyncSession, task_id: str) -> WorkItemRow:
    """Return the item. Refuse NotFound."""
    row = await session.get(WorkItemRow, task_id)
    if row is None:
        raise NotFound(task=task_id[:64])
    return row


async def page_of_item(session: AsyncSession, task_id: str) -> str:
    """Return the address of the item's page. Refuse NotFound."""
    row = await item(session, task_id)
    return kind_of(row.kind).page_of(row.id, row.card_id)


async def opened(session: AsyncSession, item: WorkItemRow, owner: ClockOwner, now: datetime) -> ClockPlan:
    """Write a new item, start its clock as this owner's time, and place it in the queue; return the plan of its clock."""
    await sla.pass_to(session, item, owner, now)
    plan = await sla.plan(session, item, now, "opened")
    placed(item, now)
    session.add(item)
    await session.flush()
    return plan


async def closed(session: AsyncSession, item: WorkItemRow, now: datetime) -> None:
    """End an item for good: nobody holds it or has it next, its own clock stops, and its drafts are deleted.

    The clock of a kind that holds a card is the card's: the caller passes it on or ends it. One that is closed already
    keeps its moment.
    """
    suspended(item, now)
    item.assigned_to = item.assigned_at = item.snoozed_until = None
    if not kind_of(item.kind).holds_card:
        await sla.stop_own(session, item, now)
    await drafts.forget(session, item.id)


def suspended(item: WorkItemRow, now: datetime) -> None:
    """Take an item that may still be opened again out of the queue: its assignee and drafts are kept until `closed`."""
    item.closed_at = item.closed_at or now
    end_lease(item)
