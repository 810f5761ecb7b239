"""Parts of the ticket page that other areas bring: each gives its own part of the page what it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.tickets import TicketRecord
from reviewer_ui.sessions import Person

TicketPart = Callable[[AsyncSession, Person, TicketRecord], Awaitable[dict[str, object]]]
PARTS: list[TicketPart] = []


async def parts_of(session: AsyncSession, person: Person, record: TicketRecord) -> dict[str, object]:
    """Return what all parts show, by name."""
    shown: dict[str, object] = {}
    for part in PARTS:
        shown |= await part(session, person, record)
    return shown
