"""Drop a claim because its seller was right: its postings are reversed, and what was offset or paid back of it is owed and paid again.

The card is as before the claim: in stock at its cost, or sold. What was offset or paid back goes to the seller by a payment of its own, through
the mechanism of goodwill payments: one person proposes, another agrees; it is no gift, so it is booked against what is owed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.claims import left_of
from database.reads.finance.paybacks import owed_back
from database.repositories import cards, ledger, outbox
from database.repositories.cards import Change
from database.tables.finance.rollback import RollbackRow
from database.tables.support.tickets import TicketRow
from domain.finance.postings.rollback import offset_undone
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.places import business_day
from services.finance.claimed_stock import OUT_OF_STOCK, claim_cause, claim_key
from services.finance.owed_payments import Owed, propose

CLAIM_DROPPED = "claim_dropped"  # The message to the seller, and why they are paid.


async def reverse(session: AsyncSession, row: RollbackRow, now: datetime) -> Money:
    """Reverse the claim's postings, each named, and owe again what was offset; return that amount. The caller holds card and claim."""
    day = business_day(now)
    for key in (claim_key(row, "claimed"), claim_key(row, OUT_OF_STOCK)):
        if await ledger.postings_of(session, key):
            await ledger.reverse(session, f"{key}:reversed", key, "rollback_dropped", happened_on=day)
    row.given_up_minor = await left_of(session, row)
    row.reversed = True
    offset = owed_back(row)
    if offset.amount_minor:
        lines, key = offset_undone(row.owner, offset), claim_key(row, "owed-again")
        await ledger.post(session, key, row.card_id, "rollback_owed_again", lines, cause=claim_cause(row))
    return offset


async def notify(session: AsyncSession, row: RollbackRow, offset: Money) -> None:
    """Send the seller word that they were right, with the amount that is owed to them again, and write it into the card's story."""
    card = await cards.load_for_update(session, row.card_id)
    facts = {"claim": row.id, "amount": str(offset)}
    await cards.record(session, card.id, Change(card.stage, card.waiting_for, card.until, "rollback.dropped", facts))
    if row.owner.startswith("seller:"):
        state = "owed" if offset.amount_minor else "nothing"
        news = {"card_id": card.id, "brand": card.brand, "page": "/wallet", "state": state, **facts}
        await outbox.put(session, outbox.MESSAGES, row.owner, CLAIM_DROPPED, news)


async def propose_payment(session: AsyncSession, row: RollbackRow, who: ActingReviewer, now: datetime) -> bool:
    """Propose to pay what is owed again to the payee of the seller's newest paid order; return whether there is one.

    A second person agrees on the page of goodwill payments; the claim's objection is the ticket. The caller holds the claim.
    """
    ticket = await session.get(TicketRow, row.objection_ticket or "")
    if ticket is None:
        return False
    owed = Owed(row.owner, owed_back(row), CLAIM_DROPPED, claim_id=row.id)
    return await propose(session, owed, who, now, ticket) is not None
