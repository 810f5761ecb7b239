"""Every event of a ticket: kept in its history and in the evidence, in the transaction of what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import evidence
from database.repositories.audit import by_person
from database.tables.columns import now as this_moment
from database.tables.support.tickets import TicketEventRow, TicketRow
from database.tables.work import WorkItemRow
from domain.identifiers import new_id
from domain.support.tickets import TICKET
from services.work.story import keep_story

# What people do with the item at any desk; its other acts have events of the ticket's own.
ACTS = frozenset({"assigned", "escalated", "snoozed", "taken_over", "woken"})


def happened(session: AsyncSession, ticket: TicketRow, actor: str, what: str, now: datetime, **facts: str) -> None:
    """Write one event: `what` is the key of its sentence (`ticket_event.<what>`), `facts` hold no words of the customer.

    What a person of the console did is in the audit record, too.
    """
    kind, _, person = actor.partition(":")
    if kind == "person":
        session.add(by_person(person, f"console:ticket:{what}", ticket.id, facts=facts))
    _write(session, ticket.id, actor, what, now, facts)


async def _of_item(session: AsyncSession, task: WorkItemRow, act: str, facts: Mapping[str, str], actor: str) -> None:
    """Write an act on the ticket's item that the desk has in its audit record already."""
    if act not in ACTS:
        return
    found = await session.execute(select(TicketRow.id).where(TicketRow.task_id == task.id))
    if (ticket_id := found.scalar_one_or_none()) is not None:
        _write(session, ticket_id, actor, act, this_moment(), facts)


def _write(
    session: AsyncSession, ticket_id: str, actor: str, what: str, now: datetime, facts: Mapping[str, str]
) -> None:
    kept = dict(facts)
    session.add(TicketEventRow(id=new_id(), ticket_id=ticket_id, at=now, actor=actor, what=what, facts=kept))
    body = {"ticket_id": ticket_id, "actor": actor, "at": now.isoformat(), "facts": kept}
    evidence.append(session, None, f"ticket.{what}", body)


keep_story(TICKET, _of_item)
