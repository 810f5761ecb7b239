"""What the customer said of the solution, and the way to a privacy request, on the ticket's page."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.tickets import TicketRecord
from database.tables.support.ratings import TicketRatingRow
from domain.people.roles import Permission
from domain.support.tickets import TicketCategory
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_parts import PARTS


async def rating(session: AsyncSession, person: Person, record: TicketRecord) -> dict[str, object]:
    """Return the rating, None while there is none, and the address of the privacy request for those who handle it."""
    handles = record.ticket.category is TicketCategory.PRIVACY and person.may(Permission.PREPARE_COPY)
    return {
        "rating": await session.get(TicketRatingRow, record.ticket.id),
        "privacy": f"/tickets/{record.ticket.id}/privacy" if handles else "",
    }


PARTS.append(rating)
