"""What is ours of the money that a licensed provider holds: what is on its split account and not to be paid to sellers."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.brokered import SplitAccount, split_account
from database.tables.finance import AccountRow
from domain.finance.postings import sales as postings
from domain.money import Currency


async def held_for_us(session: AsyncSession, provider: str) -> SplitAccount:
    """Return what the provider (its code) holds, with the account locked until the transaction ends."""
    code = postings.split_account(provider).code
    locked = select(AccountRow.id).where(AccountRow.code == code, AccountRow.currency == Currency.CNY)
    await session.execute(locked.with_for_update(key_share=True))
    return await split_account(session, provider)
