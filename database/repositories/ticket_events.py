"""Every event of a ticket: kept in its history and in the evidence, in the transaction of what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import evidence
from database.repositories.audit import by_person
from database.tables.support.tickets import TicketEventRow, TicketRow
from domain.identifiers import new_id


def happened(session: AsyncSession, ticket: TicketRow, actor: str, what: str, now: datetime, **facts: str) -> None:
    """Write one event: `what` is the key of its sentence (`ticket_event.<what>`), `facts` hold no words of the customer.

    What a person of the console did is in the audit record, too.
    """
    kind, _, person = actor.partition(":")
    if kind == "person":
        session.add(by_person(person, f"console:ticket:{what}", ticket.id, facts=facts))
    write(session, ticket.id, actor, what, now, facts)


def write(
    session: AsyncSession, ticket_id: str, actor: str, what: str, now: datetime, facts: Mapping[str, str]
) -> None:
    """Write an event that is in the audit record already."""
    kept = dict(facts)
    session.add(TicketEventRow(id=new_id(), ticket_id=ticket_id, at=now, actor=actor, what=what, facts=kept))
    body = {"ticket_id": ticket_id, "actor": actor, "at": now.isoformat(), "facts": kept}
    evidence.append(session, None, f"ticket.{what}", body)
