"""The payment orders of cards, as the table of order kinds asks for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import approves
from database.repositories import cards
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.review import ReviewDecisionRow
from domain.cards.card import Stage
from domain.cards.pricing import QuoteState
from domain.errors.general import NotFound
from domain.finance.order_kinds import Journey, OrderCode
from domain.finance.payout import PayoutOrder, PayoutOutcome
from domain.identifiers import subject_of
from domain.money import Money
from domain.sealing import KeyRing
from services.finance.offsets import foreseen
from services.finance.payout_orders import opened_order, ordered_with, settle_once
from services.finance.returned import Found
from services.finance.returned import returned as card_returned
from services.finance.routing import Payment
from services.finance.waiting import payment_of_card
from services.finance.whose import Whose
from services.finance.withholding import due


async def opened(session: AsyncSession, keyring: KeyRing, row: PayoutRow) -> PayoutOrder:
    """Return the order as it is sent."""
    return opened_order(keyring, *await ordered_with(session, row.key))


async def settle(session: AsyncSession, row: PayoutRow, outcome: PayoutOutcome) -> None:
    """Post the certain outcome: paid ends the card, refused makes it wait for another payee."""
    await settle_once(session, row, outcome, ends=False)


async def returned(session: AsyncSession, key: str, amount: Money, reference: str | None, moment: datetime) -> Found:
    """Book that the money of a paid order came back: owed again, and the card waits for another payee."""
    return await card_returned(session, key, amount, reference, moment)


async def payment(session: AsyncSession, keyring: KeyRing, key: str, moment: datetime) -> Payment | None:
    """Return the payment as it would be made now; None where its order is there or its card has ended."""
    card = await cards.load_for_update(session, subject_of(key))
    if card.outcome is not None or card.stage is not Stage.PAYOUT or await session.get(PayoutRow, key) is not None:
        return None
    submission = await session.get_one(SubmissionRow, card.submission_id)
    accepted = select(QuoteRow).where(QuoteRow.card_id == card.id, QuoteRow.state == QuoteState.ACCEPTED)
    quote = (await session.execute(accepted.order_by(QuoteRow.created_at.desc()).limit(1))).scalar_one_or_none()
    if quote is None:
        return None
    owed = Money(quote.amount_minor, quote.currency) - due(quote, card, submission.owner, moment).tax
    sent = owed - await foreseen(session, submission.owner, owed, moment)
    return payment_of_card(keyring, submission, card.id, key, sent)


async def whose(session: AsyncSession, key: str) -> Whose:
    """Return whose the payment is; who had the first look at the card are its makers. Refuse NotFound."""
    card = await session.get(CardRow, subject_of(key))
    if card is None:
        raise NotFound(payout=key[:80])
    owner = (await session.get_one(SubmissionRow, card.submission_id)).owner
    deciders = select(ReviewDecisionRow.person_id).where(approves(card.id)).order_by(ReviewDecisionRow.id)
    makers = frozenset(one for one in (await session.execute(deciders)).scalars() if one is not None)
    return Whose(owner, card.id, makers=makers)


async def journey(_: AsyncSession, key: str) -> Journey:
    """Return the card whose workflow carries the order."""
    return Journey(OrderCode.CARD, key, subject_of(key))
