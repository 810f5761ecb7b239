"""Which card may be sold, whose it is and what it cost; and what a sale that is taken back leaves owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, OutletRequestRow, QuoteRow, SubmissionRow
from database.tables.finance.sales import SaleRow, SaleSplitRow
from domain.cards.card import CardType, Outcome
from domain.cards.pricing import QuoteState
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.sales import CardNotForSale
from domain.finance.chart import account_of
from domain.finance.ledger import Postings
from domain.finance.postings.sales import buyer_receivable, partner_owes_back, provider_owed_back
from domain.finance.postings.sales import owed_back as buyers_credit
from domain.finance.sales import PaidFrom, SaleMode
from domain.finance.waterfall import PartKind
from domain.money import Currency, Money
from domain.places import business_day
from domain.rules.splits import SELLERS
from services.finance.available import available
from services.finance.claimed_stock import require_unclaimed
from services.finance.split_money import paid_to_us


@dataclass(frozen=True)
class Stock:
    """A card that may be sold. `owner` handed it in; `cost` (CNY) is nothing for a card that is not ours."""

    card_type: CardType
    brand: str
    owner: str  # seller:<id> or partner:<id>
    cost: Money
    quote_id: str | None
    outlet: str
    intake_point: str

    @property
    def owner_word(self) -> str:
        """Return the owner as split rules ask for it: `seller`, or the partner's id."""
        kind, _, number = self.owner.partition(":")
        return number if kind == "partner" else SELLERS


async def for_sale(session: AsyncSession, card_id: str, mode: SaleMode, sold_on: date) -> Stock:
    """Return a card as it is sold. Refuse NotFound, CardNotForSale, CardClaimed, and FieldInvalid (`sold_on`) for a day before it was ours."""
    statement = (
        select(CardRow, SubmissionRow.owner, SubmissionRow.intake_point)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(CardRow.id == card_id[:26])
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(card=card_id[:26])
    card, owner, intake_point = found
    quote = await _answered(session, card.id, QuoteState.ACCEPTED if mode is SaleMode.OWN else QuoteState.DECLINED)
    if quote is None or card.outcome is not (Outcome.PAID if mode is SaleMode.OWN else Outcome.DECLINED):
        raise CardNotForSale()
    await require_unclaimed(session, card.id)
    if sold_on < business_day(quote.answered_at or quote.created_at):
        raise FieldInvalid(field="sold_on", why="out_of_range")
    own = mode is SaleMode.OWN
    cost = Money(quote.amount_minor if own else 0, Currency.CNY)
    return Stock(
        card.card_type,
        card.brand,
        owner,
        cost,
        quote.id if own else None,
        await _outlet(session, card.id),
        intake_point,
    )


async def owed_back(session: AsyncSession, row: SaleRow) -> list[Postings]:
    """Return what must be posted beside the reversal of a sale, so that no account gets a sign that it may not have.

    A buyer who owes less than the sale has paid for it; a partner whose share is less than its part of it was paid that; and a
    provider that holds less than it is to pay has paid us our commission. The caller holds the lock of positions for a brokered sale.
    """
    found: list[Postings] = []
    if row.mode is SaleMode.BROKERED and (ours := await paid_to_us(session, row)).amount_minor:
        found.append(provider_owed_back(row.payer.partition(":")[2], ours))
    if row.mode is SaleMode.OWN and row.paid_from is PaidFrom.RECEIVABLE:
        owes = await available(session, buyer_receivable(row.buyer), row.currency)
        if (paid := row.total_minor - owes.amount_minor) > 0:
            found.append(buyers_credit(row.buyer, Money(paid, row.currency)))
    shares: dict[str, int] = {}
    lines = select(SaleSplitRow).where(
        SaleSplitRow.sale_id == row.id, SaleSplitRow.part.in_((PartKind.SHARE, PartKind.CHARGE))
    )
    for line in (await session.execute(lines)).scalars():
        shares[line.account] = shares.get(line.account, 0) + line.amount_minor
    for code, minor in sorted(shares.items()):
        there = await available(session, account_of(code))
        if (paid := minor - there.amount_minor) > 0:
            found.append(partner_owes_back(code.partition(":")[2], Money(paid)))
    return found


async def _answered(session: AsyncSession, card_id: str, state: QuoteState) -> QuoteRow | None:
    newest = select(QuoteRow).where(QuoteRow.card_id == card_id, QuoteRow.state == state)
    return (await session.execute(newest.order_by(QuoteRow.created_at.desc()).limit(1))).scalar_one_or_none()


async def _outlet(session: AsyncSession, card_id: str) -> str:
    confirmed = (OutletRequestRow.card_id == card_id, OutletRequestRow.answer == "confirmed")
    newest = (
        select(OutletRequestRow.outlet_code).where(*confirmed).order_by(OutletRequestRow.answered_at.desc()).limit(1)
    )
    return (await session.execute(newest)).scalar_one_or_none() or ""
