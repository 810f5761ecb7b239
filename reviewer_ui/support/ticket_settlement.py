"""The settlement run that a ticket disputes, on the ticket's page."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.settlements import answer_to, line_of
from database.reads.support.tickets import TicketRecord
from domain.people.roles import Permission
from domain.support.tickets import LinkedKind
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_parts import PARTS


async def settlement(session: AsyncSession, person: Person, record: TicketRecord) -> dict[str, object]:
    """Return the disputed run with its counterparty, finance's answer, and whether this person may open the run.

    Each is None where there is none; the agent who has the ticket passes the answer on.
    """
    disputed = [link.subject for link in record.links if link.kind is LinkedKind.SETTLEMENT]
    found = await line_of(session, disputed[0]) if disputed else None
    answer = await answer_to(session, found.run.id, record.ticket.id) if found else None
    return {"settlement": found, "finance_answer": answer, "opens_settlement": person.may(Permission.SEE_SETTLEMENTS)}


PARTS.append(settlement)
