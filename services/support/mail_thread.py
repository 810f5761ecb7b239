"""Which ticket a mail belongs to, by ids that we know or made ourselves; a subject joins nothing."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.mail import TicketParticipantRow
from database.tables.support.tickets import ContactRow, TicketMessageRow, TicketRow
from domain.support.mail import InboundMail
from domain.support.mail_threads import TagOf, ticket_of_addresses, tickets_of
from domain.support.tickets import TicketState

MERGED_STEPS_MAX = 10


async def ticket_of(session: AsyncSession, mail: InboundMail, tag_of: TagOf) -> TicketRow | None:
    """Return the ticket of the nearest mail that this one answers, else of the tag in its address; of a merged one the other."""
    found = await _by_id(session, mail)
    named = found or next(iter(tickets_of(mail.thread, tag_of)), None)
    named = named or ticket_of_addresses(sorted(mail.receivers), tag_of)
    ticket = await session.get(TicketRow, named) if named else None
    for _ in range(MERGED_STEPS_MAX):
        if ticket is None or ticket.merged_into is None:
            return ticket
        ticket = await session.get(TicketRow, ticket.merged_into)
    return ticket


async def newest_open(session: AsyncSession, requester: str) -> TicketRow | None:
    """Return the requester's newest ticket that can still be written in."""
    wanted = select(TicketRow).where(TicketRow.requester == requester, TicketRow.state != TicketState.CLOSED)
    return (await session.execute(wanted.order_by(TicketRow.id.desc()).limit(1))).scalar_one_or_none()


def is_requester(ticket: TicketRow, contact: ContactRow) -> bool:
    """Return whether the ticket is this contact's own, also as the seller that they proved to be."""
    return ticket.requester == f"contact:{contact.id}" or (
        contact.seller_id is not None and ticket.requester == f"seller:{contact.seller_id}"
    )


async def takes_part(session: AsyncSession, ticket: TicketRow, contact: ContactRow) -> bool:
    """Return whether the requester made this contact a receiver of the conversation."""
    return await session.get(TicketParticipantRow, (ticket.id, contact.id)) is not None


async def free_mail_id(session: AsyncSession, mail: InboundMail) -> str:
    """Return the id under which the mail's message is kept: its own, marked where another mail has the same."""
    taken = select(TicketMessageRow.id).where(TicketMessageRow.mail_id == mail.message_id)
    if (await session.execute(taken)).scalar_one_or_none() is None:
        return mail.message_id
    return f"{mail.message_id}#{digest_of(mail)[:12]}"


def digest_of(mail: InboundMail) -> str:
    """Return the SHA-256 (hex) of what the mail says: however it travels, a repeated delivery has the same."""
    parts = (mail.sender.address, mail.subject, mail.whole, *(sha256(one.content).hexdigest() for one in mail.files))
    return sha256("\x1f".join(parts).encode()).hexdigest()


async def _by_id(session: AsyncSession, mail: InboundMail) -> str | None:
    if not mail.thread:
        return None
    known = select(TicketMessageRow.mail_id, TicketMessageRow.ticket_id).where(
        TicketMessageRow.mail_id.in_(mail.thread)
    )
    tickets = {row.mail_id: row.ticket_id for row in await session.execute(known)}
    return next((tickets[one] for one in mail.thread if one in tickets), None)
