"""What is special to each kind of payment order: how it is opened for sending, and what follows from its certain outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import OrderRow
from database.tables.finance import PayoutRow
from database.tables.finance_settlement import SettlementOrderRow
from database.tables.support.goodwill import GoodwillOrderRow
from domain.finance.payout import PayoutOrder, PayoutOutcome
from domain.sealing import KeyRing
from services.finance.payout_orders import opened_order, ordered_with, settle_once
from services.finance.settlement import orders as settlement_orders
from services.support import goodwill_orders


@dataclass(frozen=True)
class OrderKind:
    """`opened` returns the order as it is sent; `settle` posts its outcome once, for a row that the caller has locked."""

    opened: Callable[[AsyncSession, KeyRing, Any], Awaitable[PayoutOrder]]
    settle: Callable[[AsyncSession, Any, PayoutOutcome], Awaitable[None]]


async def _card_opened(session: AsyncSession, keyring: KeyRing, row: PayoutRow) -> PayoutOrder:
    return opened_order(keyring, *await ordered_with(session, row.key))


async def _card_settled(session: AsyncSession, row: PayoutRow, outcome: PayoutOutcome) -> None:
    await settle_once(session, row, outcome, ends=False)


async def _goodwill_opened(_: AsyncSession, keyring: KeyRing, row: GoodwillOrderRow) -> PayoutOrder:
    return goodwill_orders.opened(keyring, row)


async def _settlement_opened(_: AsyncSession, keyring: KeyRing, row: SettlementOrderRow) -> PayoutOrder:
    return settlement_orders.opened(keyring, row)


_KINDS: dict[type[OrderRow], OrderKind] = {
    PayoutRow: OrderKind(_card_opened, _card_settled),
    GoodwillOrderRow: OrderKind(_goodwill_opened, goodwill_orders.settle),
    SettlementOrderRow: OrderKind(_settlement_opened, settlement_orders.settle),
}


def kind_of(row: OrderRow) -> OrderKind:
    """Return what is special to an order's kind."""
    return _KINDS[type(row)]
