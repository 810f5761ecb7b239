"""Which orders of unknown outcome wait where they should: for a bank's file, or for their receiver's confirmation."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import OrderRow
from database.tables.finance.rails import BankBatchRow, BankLineRow, ConfirmationRow
from domain.cards.card import WaitingFor
from domain.finance.banks import LET_OUT
from domain.finance.payout import CLOSED_WITHIN, CONFIRMED_WITHIN
from domain.finance.rails import Rail

# Orders that another party has to act on next; their outcome is unknown, and that is no surprise.
_AWAITED = union_all(
    select(BankLineRow.key, literal(WaitingFor.BANK.value).label("party")).where(BankLineRow.outcome.is_(None)),
    select(ConfirmationRow.key, literal(WaitingFor.SELLER_CONFIRM.value)).where(ConfirmationRow.closed_at.is_(None)),
).subquery("awaited")
AWAITED_KEYS = select(_AWAITED.c.key)


async def awaited(session: AsyncSession, keys: Collection[str]) -> dict[str, WaitingFor]:
    """Return who has to act next, by order, for those of these orders where another party has to."""
    wanted = select(_AWAITED.c.key, _AWAITED.c.party).where(_AWAITED.c.key.in_(keys)).order_by(_AWAITED.c.key)
    return {row.key: WaitingFor(row.party) for row in await session.execute(wanted)}


async def carried_out_by(session: AsyncSession, row: OrderRow, now: datetime) -> WaitingFor | None:
    """Return who can still carry an unknown order out whatever we believe; None where nobody can.

    The bank that may have its batch; or the receiver of a transfer of WeChat Pay that was perhaps sent, until the time to
    confirm it and to close it is over, also where its answer was lost.
    """
    if row.rail is Rail.BANK:
        let_out = (
            select(BankLineRow.key)
            .join(BankBatchRow, BankBatchRow.id == BankLineRow.batch_id)
            .where(BankLineRow.key == row.key, BankLineRow.outcome.is_(None), BankBatchRow.state.in_(LET_OUT))
        )
        return WaitingFor.BANK if (await session.execute(let_out)).scalar_one_or_none() is not None else None
    if row.rail is Rail.WECHAT:
        confirmation = await session.get(ConfirmationRow, row.key)
        sent_until = None if row.tried_at is None else row.tried_at + CONFIRMED_WITHIN
        until = sent_until if confirmation is None else confirmation.expires_at
        return WaitingFor.SELLER_CONFIRM if until is not None and now < until + CLOSED_WITHIN else None
    return None


async def may_call_off(session: AsyncSession, key: str) -> bool:
    """Return whether a transfer waits for its receiver and nobody has asked to call it off."""
    row = await session.get(ConfirmationRow, key)
    return row is not None and row.closed_at is None and row.cancel_asked_at is None
