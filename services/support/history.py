"""Every event of a ticket: kept in its history and in the evidence, in the transaction of what happened."""

from __future__ import annotations

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
    session.add(TicketEventRow(id=new_id(), ticket_id=ticket.id, at=now, actor=actor, what=what, facts=facts))
    kind, _, person = actor.partition(":")
    if kind == "person":
        session.add(by_person(person, f"console:ticket:{what}", ticket.id, facts=facts))
    body = {"ticket_id": ticket.id, "actor": actor, "at": now.isoformat(), "facts": facts}
    evidence.append(session, None, f"ticket.{what}", body)
