"""Make the order of a card's payment: withhold tax, offset, route, write; or keep why it must wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from domain.cards.facts import PaymentHeld
from domain.finance.routing import Wait
from domain.finance.tax import Withheld
from domain.money import Money
from domain.sealing import KeyRing
from services.finance import offsets, withholding
from services.finance.payout_orders import order_of, ordered_first
from services.finance.routing import Payment, route
from services.finance.waiting import goes_on, hold, payment_of_card, stopped


@dataclass(frozen=True)
class NewOrder:
    """The order that is to be made: the accepted quote, who is paid, the order's key and the number of the attempt."""

    submission: SubmissionRow
    card: CardRow
    quote: QuoteRow
    key: str
    attempt: int


@dataclass(frozen=True)
class PreparedOrder:
    """An order that was written, what was withheld from it, and the payment: count it when all else is written."""

    row: PayoutRow
    tax: Withheld
    payment: Payment


async def prepared(
    session: AsyncSession, keyring: KeyRing, asked: NewOrder, now: datetime
) -> PreparedOrder | PaymentHeld | None:
    """Return the order that this call wrote, why it must wait, or None where it was written before. The caller holds the card."""
    submission, quote = asked.submission, asked.quote
    tax = withholding.due(quote, asked.card, submission.owner, now)
    owed = Money(quote.amount_minor, quote.currency) - tax.tax
    taken = await offsets.chosen(session, submission.owner, owed, now)
    offset = Money(sum(minor for _, minor in taken), owed.currency)
    payment = payment_of_card(keyring, submission, quote.card_id, asked.key, owed - offset)
    if (by_people := await stopped(session, payment, now)) is not None:
        return by_people
    chosen = await route(session, keyring, payment, now)
    if isinstance(chosen, Wait):
        return await hold(session, payment, chosen, now)
    row = order_of(keyring, submission, quote, asked.key, asked.attempt, offset.amount_minor)
    row.amount_minor -= tax.tax.amount_minor
    row.rail, row.routing_version, row.routed = chosen.rail, chosen.version, dict(chosen.facts)
    if not await ordered_first(session, row, submission.owner):
        return None
    await withholding.keep(session, row, submission.owner, tax, now)
    await offsets.take(session, submission.owner, quote.card_id, asked.key, taken, now)
    await goes_on(session, asked.key, now)
    return PreparedOrder(row, tax, payment)
