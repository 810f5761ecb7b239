"""The sales and payments of the last days as split and tax rules judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.sales import SaleRow
from domain.cards.card import CardType
from domain.finance.payout import PayoutState
from domain.finance.waterfall import Charge, Division, Line, PartKind, waterfall
from domain.money import Currency, Money
from domain.rules.splits import SELLERS, SaleFacts

ROWS_MAX = 5000  # The newest; more would keep the page waiting.


@dataclass(frozen=True)
class SaleMade:
    """A sale with what rules ask of it; price and cost in CNY."""

    facts: SaleFacts
    price: Money
    cost: Money


@dataclass(frozen=True)
class Split:
    """Who would have what of a sale, CNY minor units."""

    lines: tuple[Line, ...]
    ours_minor: int
    others_minor: int


async def sales(session: AsyncSession, since: datetime) -> tuple[SaleMade, ...]:
    """Return the sales since a moment that were not taken back, the newest first."""
    statement = (
        select(SaleRow, CardRow.card_type, CardRow.brand, SubmissionRow.owner)
        .join(CardRow, CardRow.id == SaleRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SaleRow.sold_at >= since, SaleRow.reversed_at.is_(None))
        .order_by(SaleRow.sold_at.desc())
        .limit(ROWS_MAX)
    )
    found = []
    for row, card_type, brand, owner in await session.execute(statement):
        kind, _, number = owner.partition(":")
        price = Money(row.price_minor, row.currency)
        facts = SaleFacts(
            row.mode, card_type, brand, row.buyer.partition(":")[2], number if kind == "partner" else SELLERS, row.outlet,
            row.instalments, row.intake_point,
        )  # fmt: skip
        in_cny = price if row.rate is None else price.converted(Decimal(row.rate), Currency.CNY)
        found.append(SaleMade(facts, in_cny, Money(row.cost_minor)))
    return tuple(found)


def split(made: SaleMade, charges: Sequence[Charge], divisions: Sequence[Division]) -> Split:
    """Return who would have what. Raises SellerPaysMore as `waterfall` does."""
    lines = waterfall(made.facts.mode, made.price, made.cost, charges, divisions).lines
    ours = sum(one.amount.amount_minor for one in lines if one.part in (PartKind.FEE, PartKind.PLATFORM))
    others = sum(one.amount.amount_minor for one in lines if one.part in (PartKind.SHARE, PartKind.CHARGE))
    return Split(lines, ours, others)


@dataclass(frozen=True)
class PaymentMade:
    """A payment to a seller with what tax rules ask of it; in CNY."""

    owner: str
    card_type: CardType
    proceeds: Money
    balance: Money


async def payments(session: AsyncSession, since: datetime) -> tuple[PaymentMade, ...]:
    """Return the payments since a moment that arrived, the newest first."""
    statement = (
        select(QuoteRow, CardRow.card_type, SubmissionRow.owner)
        .join(PayoutRow, PayoutRow.quote_id == QuoteRow.id)
        .join(CardRow, CardRow.id == QuoteRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(PayoutRow.settled_at >= since, PayoutRow.state == PayoutState.PAID)
        .order_by(PayoutRow.settled_at.desc())
        .limit(ROWS_MAX)
    )
    return tuple(
        PaymentMade(
            owner,
            card_type,
            Money(quote.amount_minor),
            Money(int(quote.internal.get("basis_minor", quote.amount_minor))),
        )
        for quote, card_type, owner in await session.execute(statement)
    )
