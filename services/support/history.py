"""Write what people do with a ticket's item at any desk into the ticket's history too."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.ticket_events import happened, write
from database.tables.columns import now
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.support.tickets import TICKET
from services.work.story import keep_story

__all__ = ["ACTS", "happened"]

# What people do with the item at any desk; its other acts have events of the ticket's own.
ACTS = frozenset({"assigned", "escalated", "snoozed", "taken_over", "woken"})


async def _of_item(session: AsyncSession, task: WorkItemRow, act: str, facts: Mapping[str, str], actor: str) -> None:
    """Write an act on the ticket's item that the desk has in its audit record already."""
    if act not in ACTS:
        return
    found = await session.execute(select(TicketRow.id).where(TicketRow.task_id == task.id))
    if (ticket_id := found.scalar_one_or_none()) is not None:
        write(session, ticket_id, actor, act, now(), facts)


keep_story(TICKET, _of_item)
