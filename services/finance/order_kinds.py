"""What is special to each kind of payment order: how it is made, opened for sending, settled, returned, and whose it is.

Whatever is done to payment orders of every kind goes by this table: a new kind is one entry.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import OrderRow
from domain.finance.order_kinds import Journey, OrderCode, code_of
from domain.finance.payout import PayoutOrder, PayoutOutcome
from domain.money import Money
from domain.sealing import KeyRing
from services.finance import card_orders, goodwill_orders
from services.finance.returned import Found
from services.finance.routing import Payment
from services.finance.settlement import orders as settlement_orders
from services.finance.whose import Whose


@dataclass(frozen=True)
class OrderKind:
    """`opened` returns the order as it is sent; `settle` posts its outcome once, for a row that the caller has locked.

    `returned` books once that the money of a paid order (its key) came back. `payment` returns a payment that waits as it
    would be made now, None where it is made or its reason is gone. `whose` says who may not decide about it. `journey`
    names the workflow that carries it.
    """

    opened: Callable[[AsyncSession, KeyRing, Any], Awaitable[PayoutOrder]]
    settle: Callable[[AsyncSession, Any, PayoutOutcome], Awaitable[None]]
    returned: Callable[[AsyncSession, str, Money, str | None, datetime], Awaitable[Found]]
    payment: Callable[[AsyncSession, KeyRing, str, datetime], Awaitable[Payment | None]]
    whose: Callable[[AsyncSession, str], Awaitable[Whose]]
    journey: Callable[[AsyncSession, str], Awaitable[Journey]]


ORDER_KINDS: Mapping[OrderCode, OrderKind] = {
    OrderCode.CARD: OrderKind(
        card_orders.opened, card_orders.settle, card_orders.returned, card_orders.payment, card_orders.whose,
        card_orders.journey,
    ),
    OrderCode.GOODWILL: OrderKind(
        goodwill_orders.opened, goodwill_orders.settle, goodwill_orders.returned, goodwill_orders.payment,
        goodwill_orders.whose, goodwill_orders.journey,
    ),
    OrderCode.SETTLEMENT: OrderKind(
        settlement_orders.opened, settlement_orders.settle, settlement_orders.returned, settlement_orders.payment,
        settlement_orders.whose, settlement_orders.journey,
    ),
}  # fmt: skip


def kind_of(row: OrderRow) -> OrderKind:
    """Return what is special to an order's kind."""
    return kind_by_key(row.key)


def kind_by_key(key: str) -> OrderKind:
    """Return what is special to the kind of the order of this key."""
    return ORDER_KINDS[code_of(key)]
