"""Money in suspense that belongs to a buyer or a counterparty: never more than is owed, or was written off, or is free of a deposit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.debts import Lost, lost_of
from database.repositories import ledger
from database.tables.finance.suspense import SuspenseClearingRow
from domain.errors.sales import BuyerOwesLess
from domain.finance.chart import Account
from domain.finance.postings.debts import together
from domain.finance.suspense import CLEARED, PAYS_DEBT, ClearedAs, account_for, cause_of, cleared
from domain.money import Currency, Money
from domain.places import business_day
from services.finance.available import available
from services.finance.recoveries import recover


async def require_owed(session: AsyncSession, row: SuspenseClearingRow, place: Account) -> None:
    """Refuse BuyerOwesLess for more than the account has; what only adds to it has no bound."""
    if row.cleared_as not in PAYS_DEBT and row.cleared_as is not ClearedAs.REFUND:
        return
    there = await available(session, place, row.currency) + (await _lost(session, row, place)).amount
    if there < row.amount:
        raise BuyerOwesLess(there=str(there))


async def post(session: AsyncSession, row: SuspenseClearingRow, now: datetime) -> None:
    """Post it to where it belongs; nothing for what went back. What goes beyond a debt makes good what was written off of it."""
    cause = cause_of(row.id)
    moved = cleared(row.cleared_as, row.rail, row.buyer, row.amount, came_in=row.came_in)
    if not moved:
        return
    row.posted_key = f"{cause}:cleared"
    if row.cleared_as in PAYS_DEBT:
        place = account_for(row.cleared_as, row.rail, row.buyer)
        late = row.amount - min(row.amount, await available(session, place, row.currency))
        lost = await _lost(session, row, place)
        moved = together(moved, await recover(session, place, lost, late, row.posted_key))
    await ledger.post(session, row.posted_key, None, CLEARED, moved, happened_on=business_day(now), cause=cause)


async def _lost(session: AsyncSession, row: SuspenseClearingRow, place: Account) -> Lost:
    """What was written off of the debt: in CNY only, because foreign money would come back to its position."""
    if row.cleared_as in PAYS_DEBT and row.currency is Currency.CNY:
        return await lost_of(session, place, row.currency)
    return Lost(Money(0, row.currency), Money(0))
