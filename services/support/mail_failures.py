"""A mail of ours did not arrive: its message says so, its agents are notified, and no answer is awaited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import notices
from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.identifiers import short
from domain.notices.kinds import NoticeKind
from domain.support.tickets import TicketState
from domain.work.lease import holder_of
from services.support import clocks
from services.support.conversation import locked
from services.support.history import happened


async def failed(session: AsyncSession, ticket_id: str, message_id: str, status: str, now: datetime) -> bool:
    """Record that this message did not arrive; return False where it is no message of the ticket, or is recorded already.

    `status` is a mail server's code, 5.1.1 or smtp_550. A ticket that waits for the customer's answer is open again: they
    do not know the question.
    """
    try:
        ticket, task = await locked(session, ticket_id)
    except NotFound:
        return False
    message = await session.get(TicketMessageRow, message_id)
    if message is None or message.ticket_id != ticket.id or message.undelivered:
        return False
    message.undelivered = status
    happened(session, ticket, "machine", "mail_failed", now, message=message.id, status=status)
    await _notify(session, ticket, task, message, now)
    if ticket.state is TicketState.WAITING_CUSTOMER:
        ticket.state, ticket.waits_since = TicketState.OPEN, None
        await clocks.follow(session, ticket, task, now, "answered")
    return True


async def _notify(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, message: TicketMessageRow, now: datetime
) -> None:
    """Notify who wrote it and who has the ticket now."""
    kind, _, author = message.author.partition(":")
    people = {author if kind == "person" else None, holder_of(task, now), task.assigned_to, *ticket.followers}
    await notices.tell(
        session,
        [one for one in people if one],
        NoticeKind.REPLY_UNDELIVERED,
        f"mail_failed:{message.id}",
        task_id=task.id,
        ticket=short(ticket.id),
    )
