"""The open questions of a ticket to other desks: found, closed, and withdrawn with the ticket."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.quality import BlindReviewRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.support.escalations import EscalationState
from services.support.history import happened
from services.work import items


async def open_questions(session: AsyncSession, ticket_id: str) -> list[TicketEscalationRow]:
    """Return the ticket's open questions, locked, oldest first; the caller holds the ticket."""
    chosen = (TicketEscalationRow.ticket_id == ticket_id, TicketEscalationRow.state == EscalationState.OPEN)
    found = select(TicketEscalationRow).where(*chosen).order_by(TicketEscalationRow.id).with_for_update()
    return list((await session.execute(found, execution_options={"populate_existing": True})).scalars())


async def withdraw(
    session: AsyncSession, ticket: TicketRow, row: TicketEscalationRow, actor: str, now: datetime
) -> None:
    """Take an open question back from its desk; a second review of it ends without a result."""
    row.state, row.closed_at = EscalationState.WITHDRAWN, now
    ended = update(BlindReviewRow).where(BlindReviewRow.escalation_id == row.id, BlindReviewRow.settled_at.is_(None))
    await session.execute(ended.values(settled_at=now).execution_options(synchronize_session=False))
    await close_item(session, row, now)
    happened(session, ticket, actor, "escalation_withdrawn", now, desk=row.desk.value, escalation=row.id)


async def withdraw_all(session: AsyncSession, ticket: TicketRow, now: datetime) -> None:
    """Take back whatever other desks were asked for a ticket that is over."""
    for row in await open_questions(session, ticket.id):
        await withdraw(session, ticket, row, "machine", now)
    ticket.inside_desk = None


async def close_item(session: AsyncSession, row: TicketEscalationRow, now: datetime) -> None:
    """Close the work item of a question, where it has one."""
    if row.task_id is None:
        return
    task = await session.get_one(WorkItemRow, row.task_id, with_for_update=True, populate_existing=True)
    await items.closed(session, task, now)
