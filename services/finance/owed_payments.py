"""Propose to pay what is owed to a seller beside the price of a card, through the mechanism of goodwill payments.

One person proposes, another agrees on the page of goodwill payments; it is no gift, so it is booked against what is owed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.goodwill import paid_before
from database.repositories.audit import by_person
from database.repositories.ticket_events import happened
from database.tables.support.goodwill import GoodwillRow
from database.tables.support.tickets import TicketRow
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.goodwill import goodwill_in_force


@dataclass(frozen=True)
class Owed:
    """What is owed to `owner`, why by a short word, and the dropped claim or the part that came back which it is owed for."""

    owner: str
    amount: Money
    reason: str
    claim_id: str | None = None
    part_id: str | None = None


async def propose(
    session: AsyncSession, owed: Owed, who: ActingReviewer, now: datetime, ticket: TicketRow | None = None
) -> GoodwillRow | None:
    """Propose to pay it to the payee of the seller's newest paid order; None where no order was paid to a payee that is kept.

    The caller holds what it is owed for. `ticket` is that of the seller's objection.
    """
    paid = next(iter(await paid_before(session, owed.owner)), None)
    if paid is None:
        return None
    given = GoodwillRow(
        id=new_id(), ticket_id=None if ticket is None else ticket.id, owner=owed.owner, paid_key=paid.key,
        payee_masked=paid.payee, amount_minor=owed.amount.amount_minor, currency=owed.amount.currency,
        reason_code=owed.reason, claim_id=owed.claim_id, part_id=owed.part_id, needs=Permission.AGREE_GOODWILL,
        policy_version=goodwill_in_force(business_day(now)).version, proposed_by=who.person,
        proposers=sorted(who.circle), proposed_at=now,
    )  # fmt: skip
    session.add(given)
    await session.flush()
    came_to(session, given, ticket, f"person:{who.person}", "goodwill_proposed", now, reason=owed.reason)
    return given


def came_to(
    session: AsyncSession, given: GoodwillRow, ticket: TicketRow | None, actor: str, what: str, now: datetime, **facts: str
) -> None:  # fmt: skip
    """Write what became of a payment into its ticket's history; without a ticket, what a person did into the record of acts."""
    kept = {"goodwill": given.id, "amount": str(Money(given.amount_minor, given.currency)), **facts}
    kind, _, person = actor.partition(":")
    if ticket is not None:
        happened(session, ticket, actor, what, now, **kept)
    elif kind == "person":
        session.add(by_person(person, f"console:owed:{what.removeprefix('goodwill_')}", given.id, facts=kept))
