"""Whose time a ticket is, and until when it must be answered and solved."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.support.tickets import OWNER_OF_DESK, UNDER_WAY, TicketState
from domain.work.deadlines import ClockOwner
from domain.work.lease import holder_of
from services.support.asked import withdraw_all
from services.work import sla
from services.work.ordering import placed

WAITING = frozenset({TicketState.WAITING_CUSTOMER, TicketState.WAITING_INSIDE})


async def follow(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime, why: str) -> None:
    """Bring clocks, deadline and place in the queue into line with the ticket's state. Call it after every change.

    `why`: opened | answered | policy_changed | escalated | resumed.
    """
    if ticket.state not in UNDER_WAY:
        await withdraw_all(session, ticket, now)
    task.waiting = ticket.state in WAITING
    owner = owner_of(ticket, task)
    if owner is None:
        await sla.stop_own(session, task, now)
    else:
        holder = holder_of(task, now) or task.assigned_to
        ours = owner in (ClockOwner.SUPPORT, ClockOwner.SUPPORT_LEAD)
        await sla.pass_to(session, task, owner, now, holder if ours else None)
        await sla.plan(session, task, now, why)
    placed(task, now)
    ticket.revision += 1


def owner_of(ticket: TicketRow, task: WorkItemRow) -> ClockOwner | None:
    """Return whose time it is by the ticket's state; nobody's once it is solved."""
    if ticket.state not in UNDER_WAY:
        return None
    if ticket.state is TicketState.WAITING_CUSTOMER:
        return ClockOwner.SELLER
    if ticket.state is TicketState.WAITING_INSIDE and ticket.inside_desk is not None:
        return OWNER_OF_DESK[ticket.inside_desk]
    return ClockOwner.SUPPORT_LEAD if task.escalated else ClockOwner.SUPPORT
