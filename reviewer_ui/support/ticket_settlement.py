"""The settlement run that a ticket disputes, on the ticket's page."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.settlements import line_of
from database.reads.support.tickets import TicketRecord
from domain.people.roles import Permission
from domain.support.tickets import LinkedKind
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_parts import PARTS


async def settlement(session: AsyncSession, person: Person, record: TicketRecord) -> dict[str, object]:
    """Return the disputed run with its counterparty, None where there is none, and whether this person may open it."""
    disputed = [link.subject for link in record.links if link.kind is LinkedKind.SETTLEMENT]
    found = await line_of(session, disputed[0]) if disputed else None
    return {"settlement": found, "opens_settlement": person.may(Permission.SEE_SETTLEMENTS)}


PARTS.append(settlement)
