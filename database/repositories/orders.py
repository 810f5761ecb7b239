"""Every kind of payment order by its key: each has a table of its own, with the same columns by which it is sent and settled."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.payout import PayoutRow
from database.tables.finance.settlement import SettlementOrderRow
from database.tables.support.goodwill import GoodwillOrderRow
from domain.finance.order_kinds import OrderCode, code_of

OrderRow = PayoutRow | GoodwillOrderRow | SettlementOrderRow
ORDER_TABLES: dict[OrderCode, type[OrderRow]] = {
    OrderCode.CARD: PayoutRow,
    OrderCode.GOODWILL: GoodwillOrderRow,
    OrderCode.SETTLEMENT: SettlementOrderRow,
}


def orders_of(key: str) -> type[OrderRow]:
    """Return the table of a payment order, by its key."""
    return ORDER_TABLES[code_of(key)]


async def order(session: AsyncSession, key: str, *, lock: bool = False) -> OrderRow | None:
    """Return the payment order of that key, locked if wanted; None where there is none."""
    found: Any = await session.get(orders_of(key), key[:80], with_for_update=lock, populate_existing=lock)
    row: OrderRow | None = found
    return row


async def the_order(session: AsyncSession, key: str, *, lock: bool = False) -> OrderRow:
    """Return the payment order of that key, as `order` does. Raises LookupError where there is none."""
    row = await order(session, key, lock=lock)
    if row is None:
        raise LookupError("no such order")
    return row
