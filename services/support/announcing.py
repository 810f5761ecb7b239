"""What customers are notified of besides the answers to a ticket: sellers by a short message, partners by webhook."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import outbox
from database.tables.support.tickets import TicketRow

SOLVED, REOPENED, CLOSING, CLOSED = "ticket.solved", "ticket.reopened", "ticket.closing", "ticket.closed"
COPY_READY = "ticket.copy_ready"
# A seller is notified of a solution by the answer that solves it, and opened the ticket again themselves.
BY_MESSAGE = frozenset({CLOSING, CLOSED, COPY_READY})  # The words are `message.<topic>`.
BY_WEBHOOK = frozenset({SOLVED, REOPENED, CLOSING, CLOSED})


async def announce(session: AsyncSession, ticket: TicketRow, topic: str) -> None:
    """Put one of the topics above into the outbox, for a customer who is notified; call it once per event."""
    kind = ticket.requester.partition(":")[0]
    payload = {"ticket_id": ticket.id, "state": ticket.state.value}
    if kind == "seller" and topic in BY_MESSAGE:
        await outbox.put(session, "message", ticket.requester, topic, payload)
    elif kind == "partner" and topic in BY_WEBHOOK:
        await outbox.put(session, "webhook", ticket.requester, topic, payload)
