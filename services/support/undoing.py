"""A reply that is taken back was never given: the customer waits again since they first did, and the promises run on."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketMessageRow, TicketRow
from domain.support.tickets import MessageKind
from services.support.clocks import reopen_kept


async def unanswer(session: AsyncSession, ticket: TicketRow, message: TicketMessageRow) -> None:
    """Set the ticket back to before a reply that was just withdrawn; a later reply that was not withdrawn answers what this one did."""
    standing = (
        TicketMessageRow.ticket_id == ticket.id, TicketMessageRow.kind == MessageKind.REPLY,
        TicketMessageRow.withdrawn_at.is_(None), TicketMessageRow.id != message.id,
    )  # fmt: skip
    first, last = (
        await session.execute(select(func.min(TicketMessageRow.at), func.max(TicketMessageRow.at)).where(*standing))
    ).one()
    ticket.first_replied_at, ticket.replied_at = first, last
    if last is not None and last >= message.at:
        later = select(TicketMessageRow).where(*standing, TicketMessageRow.at >= message.at)
        next_one = (await session.execute(later.order_by(TicketMessageRow.at).limit(1))).scalar_one()
        next_one.waited_since = message.waited_since or next_one.waited_since
        return
    waits = [one for one in (message.waited_since, ticket.unanswered_since) if one is not None]
    ticket.unanswered_since = min(waits, default=None)
    await reopen_kept(session, ticket, message.at)
