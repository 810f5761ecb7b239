"""For which cards buyers' deposits are held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.ledger import AccountRow, HoldRow
from domain.finance.holds import HoldState, reserved_cause, reserved_key
from domain.money import Money

RESERVED_MAX = 200


@dataclass(frozen=True)
class Reserved:
    """What of a deposit waits for a card until a moment; `key` names it in addresses."""

    key: str
    card_id: str
    buyer: str
    amount: Money
    until: datetime


async def reserved(session: AsyncSession, limit: int = RESERVED_MAX) -> tuple[Reserved, ...]:
    """Return what is held for cards, what ends first in front."""
    statement = (
        select(HoldRow, AccountRow.code, AccountRow.currency)
        .join(AccountRow, AccountRow.id == HoldRow.account_id)
        .where(HoldRow.state == HoldState.HELD, HoldRow.cause.startswith(reserved_cause("")))
        .order_by(HoldRow.expires_at, HoldRow.key)
        .limit(limit)
    )
    return tuple(
        Reserved(
            row.key.removeprefix(reserved_key("")), row.cause.removeprefix(reserved_cause("")), code.rpartition(":")[2],
            Money(row.amount_minor, currency), row.expires_at,
        )
        for row, code, currency in await session.execute(statement)
    )  # fmt: skip
