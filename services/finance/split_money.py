"""What is ours of the money that a licensed provider holds: what is on its split account and not to be paid to sellers."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.brokered import SplitAccount, split_account
from database.repositories import ledger
from database.tables.finance.ledger import AccountRow
from database.tables.finance.sales import SaleRow, SaleSplitRow
from domain.finance.fx import share_of
from domain.finance.postings import sales as postings
from domain.finance.waterfall import PartKind
from domain.money import Currency, Money
from services.finance.positions import position


async def held_for_us(session: AsyncSession, provider: str) -> SplitAccount:
    """Return what the provider (its code) holds, with the account locked until the transaction ends."""
    code = postings.split_account(provider).code
    locked = select(AccountRow.id).where(AccountRow.code == code, AccountRow.currency == Currency.CNY)
    await session.execute(locked.with_for_update(key_share=True))
    return await split_account(session, provider)


async def paid_to_us(session: AsyncSession, sale: SaleRow) -> Money:
    """Return what of a brokered sale's commission (CNY) came to us and is missing at its provider once the sale is taken back.

    Never more than the sale's own commission: what was missing before stays so. Foreign money that the provider holds counts at what
    its position is booked at, since sellers are paid in CNY before it is exchanged. The caller holds the lock of positions.
    """
    part = select(SaleSplitRow.amount_minor).where(
        SaleSplitRow.sale_id == sale.id, SaleSplitRow.part == PartKind.SELLER
    )
    commission = Money(sale.booked_minor - (await session.execute(part)).scalar_one())
    provider = sale.payer.partition(":")[2]
    there = await held_for_us(session, provider)
    left = there.held + await _foreign_worth(session, provider) - there.due - commission
    return max(Money(0), min(commission, -left))


async def _foreign_worth(session: AsyncSession, provider: str) -> Money:
    """What the foreign money on a split account is booked at, in CNY."""
    code, total = postings.split_account(provider).code, Money(0)
    kept = select(AccountRow.currency).where(AccountRow.code == code, AccountRow.currency != Currency.CNY)
    for currency in (await session.execute(kept.order_by(AccountRow.currency))).scalars():
        balance, (open_, booked) = await ledger.balance(session, code, currency), await position(session, currency)
        if open_.amount_minor:
            total += share_of(booked, balance.amount_minor, open_.amount_minor)
    return total
