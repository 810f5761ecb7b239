"""Withhold tax where a payment order is made, and give it back when the order is refused for certain."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.tables.cards import CardRow, QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.tax import TaxWithholdingRow
from domain.finance.postings.tax import withheld
from domain.finance.tax import Withheld
from domain.money import Money
from domain.places import business_day
from domain.rules.tax import tax_in_force


def due(quote: QuoteRow, card: CardRow, owner: str, now: datetime) -> Withheld:
    """Return what is withheld from the payment of an accepted quote, by the rules that hold today.

    The proven cost is judged by the card's verified balance in CNY; of a quote that did not keep it, by its own amount.
    """
    proceeds = Money(quote.amount_minor, quote.currency)
    balance = Money(int(quote.internal.get("basis_minor", quote.amount_minor)), quote.currency)
    return tax_in_force(business_day(now)).withheld(owner, card.card_type, proceeds, balance)


async def keep(session: AsyncSession, row: PayoutRow, owner: str, tax: Withheld, now: datetime) -> None:
    """Write down and post what is withheld from an order that was just made; its amount is what is left."""
    session.add(
        TaxWithholdingRow(
            key=row.key, card_id=row.card_id, owner=owner, day=business_day(now), income=tax.income, rule=tax.rule,
            policy_version=tax.version, proceeds_minor=tax.proceeds.amount_minor, cost_minor=tax.cost.amount_minor,
            base_minor=tax.base.amount_minor, rate_bp=tax.rate_bp, tax_minor=tax.tax.amount_minor,
            currency=tax.proceeds.currency, made_at=now,
        )
    )  # fmt: skip
    if tax.tax.amount_minor:
        posted, cause = withheld(owner, tax.tax), f"withholding:{row.key}"
        await ledger.post(session, f"{row.key}:tax", row.card_id, "tax_withheld", posted, cause=cause)


async def reverse(session: AsyncSession, key: str, now: datetime) -> None:
    """Take back what was withheld from an order that was refused: it is owed to the seller again."""
    row = await session.get(TaxWithholdingRow, key)
    if row is None or row.given_back_at is not None:
        return
    row.given_back_at = now
    if row.tax_minor:
        day = business_day(now)
        await ledger.reverse(session, f"{key}:tax:back", f"{key}:tax", "tax_given_back", happened_on=day)
