"""What the customer said of the solution, on the ticket's page."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.tickets import TicketRecord
from database.tables.support.ratings import TicketRatingRow
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_parts import PARTS


async def rating(session: AsyncSession, person: Person, record: TicketRecord) -> dict[str, object]:
    """Return the rating, None while there is none."""
    del person
    return {"rating": await session.get(TicketRatingRow, record.ticket.id)}


PARTS.append(rating)
