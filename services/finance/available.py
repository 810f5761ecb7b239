"""Read what is on an account and not held, with the account locked until the transaction ends."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import holds, ledger
from database.tables.finance.ledger import AccountRow
from domain.finance.chart import Account, Sign
from domain.money import Currency, Money


async def available(session: AsyncSession, account: Account, currency: Currency = Currency.CNY) -> Money:
    """Return how much may be taken from an account whose sign is fixed; nothing for one that was never used.

    Raises ValueError for an account that may have either sign.
    """
    if account.of.sign is Sign.EITHER:
        raise ValueError("only an account of one sign has something available")
    locked = select(AccountRow.id).where(AccountRow.code == account.code, AccountRow.currency == currency)
    await session.execute(locked.with_for_update(key_share=True))
    balance = await ledger.balance(session, account.code, currency)
    held = await holds.held(session, account, balance)
    return (balance if account.of.sign is Sign.DEBIT else -balance) - held
