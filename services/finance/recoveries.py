"""What comes of a debt after it was written off: so much less is lost, and nothing goes beyond what was written off."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.debts import Lost
from database.tables.finance.debts import DebtRecoveryRow
from domain.finance.chart import Account
from domain.finance.fx import share_of
from domain.finance.ledger import Postings
from domain.finance.postings.debts import restored
from domain.money import Money


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
