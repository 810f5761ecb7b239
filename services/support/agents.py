"""What every act of an agent on a ticket begins with: the ticket and its work item, locked, in hands that may change it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.errors.support import TicketEnded
from domain.people.roles import Permission
from domain.support.tickets import TicketState
from domain.work.lease import holder_of
from services.people.permissions import require
from services.support.conversation import locked
from services.work.leases import held_by_another


async def changeable(
    session: AsyncSession, person: str, ticket_id: str, now: datetime
) -> tuple[TicketRow, WorkItemRow]:
    """Return a ticket that is not closed, for an agent who holds it or whom no colleague keeps from it.

    Refuse NotAllowed, NotFound, TicketEnded and TaskHeldByAnother.
    """
    await require(session, person, Permission.ANSWER_TICKETS)
    ticket, task = await locked(session, ticket_id)
    require_open(ticket)
    if holder_of(task, now) not in (None, person):
        raise held_by_another(task)
    return ticket, task


def require_open(ticket: TicketRow) -> None:
    """Refuse TicketEnded for a ticket that is closed or was merged."""
    if ticket.state is TicketState.CLOSED:
        raise TicketEnded(into=ticket.merged_into or "")
