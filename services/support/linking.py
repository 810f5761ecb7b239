"""What a ticket is about: cards of its customer, and other tickets, linked from both sides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketLinkRow, TicketRow
from domain.errors.general import FieldInvalid
from domain.support.tickets import LinkedKind
from services.support.agents import changeable
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.opening import link_card


@dataclass(frozen=True)
class Linking:
    """Links of tickets. `person` is a person's id; what is linked already stays as it is."""

    desk: SupportDesk

    async def card(self, person: str, ticket_id: str, card_id: str) -> None:
        """Say that the ticket is about this card. Refuse NotFound for a card of anyone else, and what `changeable` refuses."""
        async with self.desk.database.transaction() as session:
            now = self.desk.now()
            ticket, _ = await changeable(session, person, ticket_id, now)
            if await _linked(session, ticket_id, card_id):
                return
            await link_card(session, ticket, card_id, f"person:{person}", now)
            happened(session, ticket, f"person:{person}", "card_linked", now, other=card_id)

    async def ticket(self, person: str, ticket_id: str, other_id: str) -> None:
        """Link two tickets, also of different customers. Refuse FieldInvalid (`ticket`) for one with itself, and NotFound."""
        if ticket_id == other_id:
            raise FieldInvalid(field="ticket", why="itself")
        async with self.desk.database.transaction() as session:
            now = self.desk.now()
            ticket, other = await _both(session, person, ticket_id, other_id, now)
            await link_tickets(session, ticket, other, f"person:{person}", now)

    async def remove(self, person: str, ticket_id: str, subject: str) -> None:
        """Take a link away; of two tickets on both sides. Refuse what `changeable` refuses."""
        async with self.desk.database.transaction() as session:
            now = self.desk.now()
            ticket, _ = await changeable(session, person, ticket_id, now)
            link = await _linked(session, ticket_id, subject)
            if link is None:
                return
            await session.delete(link)
            if link.kind is LinkedKind.TICKET:
                back = (TicketLinkRow.ticket_id == subject, TicketLinkRow.subject == ticket_id)
                await session.execute(delete(TicketLinkRow).where(*back))
            happened(session, ticket, f"person:{person}", f"{link.kind.value}_unlinked", now, other=subject)


async def link_tickets(session: AsyncSession, one: TicketRow, other: TicketRow, by: str, now: datetime) -> None:
    """Link two locked tickets from both sides, with history."""
    for here, there in ((one, other), (other, one)):
        if await _linked(session, here.id, there.id) is None:
            session.add(TicketLinkRow(ticket_id=here.id, kind=LinkedKind.TICKET, subject=there.id, by=by, at=now))
            happened(session, here, by, "ticket_linked", now, other=there.id)
    await session.flush()


async def _linked(session: AsyncSession, ticket_id: str, subject: str) -> TicketLinkRow | None:
    return await session.get(TicketLinkRow, (ticket_id, subject[:64]))


async def _both(
    session: AsyncSession, person: str, ticket_id: str, other_id: str, now: datetime
) -> tuple[TicketRow, TicketRow]:
    """Both tickets, locked in the order of their ids, so that two people at once never wait for each other."""
    for one in sorted((ticket_id, other_id)):
        await locked(session, one)
    ticket, _ = await changeable(session, person, ticket_id, now)
    other, _ = await locked(session, other_id)
    return ticket, other
