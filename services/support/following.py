"""People who follow a ticket are notified of what happens to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import notices
from database.tables.support.tickets import TicketRow
from domain.identifiers import short
from domain.notices.kinds import NoticeKind


async def tell_followers(session: AsyncSession, ticket: TicketRow, actor: str, what: str, now: datetime) -> None:
    """Notify everyone who follows the ticket, except who did it (`actor` as in the ticket's history)."""
    followers = [one for one in ticket.followers if actor != f"person:{one}"]
    key = f"{NoticeKind.TICKET}:{ticket.id}:{what}:{now.isoformat()}"
    facts = {"ticket": short(ticket.id), "news_of_ticket": what}
    await notices.tell(session, followers, NoticeKind.TICKET, key, task_id=ticket.task_id, **facts)
