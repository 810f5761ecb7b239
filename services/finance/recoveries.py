"""What comes of a debt after it was written off: so much less is lost, and nothing goes beyond what was written off."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.debts import DebtRecoveryRow
from domain.finance.chart import Account
from domain.finance.fx import share_of
from domain.finance.ledger import Postings
from domain.finance.postings.debts import restored
from domain.money import Currency, Money

# A recovery whose posting was reversed has not come.
_LOST = text("""
SELECT coalesce(sum(minor), 0)::bigint AS minor, coalesce(sum(value), 0)::bigint AS value FROM (
    SELECT amount_minor AS minor, value_minor AS value FROM debt_write_off
    WHERE account = :account AND currency = :currency AND ended_at IS NOT NULL
    UNION ALL
    SELECT -r.amount_minor, -r.value_minor FROM debt_recovery r JOIN ledger_transaction t ON t.key = r.posted_key
    WHERE r.account = :account AND r.currency = :currency
      AND NOT EXISTS (SELECT FROM ledger_transaction back WHERE back.reverses = t.id)
) AS known
""")


@dataclass(frozen=True)
class Lost:
    """What of a debt was written off and has not come since, and what it had been booked at (CNY)."""

    amount: Money
    value: Money


async def lost_of(session: AsyncSession, debt: Account, currency: Currency) -> Lost:
    """Return what of a debt is lost. The caller has locked its account."""
    row = (await session.execute(_LOST, {"account": debt.code, "currency": currency.value})).one()
    return Lost(Money(row.minor, currency), Money(row.value))


async def recover(session: AsyncSession, debt: Account, lost: Lost, amount: Money, posted_key: str) -> Postings:
    """Write down that so much of what is lost comes with the posting of this key; return what that posts besides.

    Nothing for an amount of nothing.
    """
    if not amount.amount_minor:
        return ()
    value = share_of(lost.value, amount.amount_minor, lost.amount.amount_minor)
    session.add(
        DebtRecoveryRow(
            posted_key=posted_key, account=debt.code, amount_minor=amount.amount_minor, currency=amount.currency,
            value_minor=value.amount_minor,
        )
    )  # fmt: skip
    return restored(debt, amount, value)
