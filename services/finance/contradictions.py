"""Words that come after an order's outcome is certain and say the opposite: each is kept once, moves nothing, and a person looks.

A seller may have been paid twice then, or not at all.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import OrderRow
from database.tables.finance_rails import ContradictionRow
from domain.finance.payout import RETURNED, Heard, PayoutOutcome


def contradicts(row: OrderRow, said: PayoutOutcome, code: str | None) -> bool:
    """Tell whether a word is the opposite of the order's certain outcome; money that came back is none, nor its payment before."""
    if row.answered is None or said is PayoutOutcome.UNKNOWN or said is row.answered:
        return False
    return RETURNED not in (code, row.refusal_code)


async def keep(session: AsyncSession, row: OrderRow, said: PayoutOutcome, heard: Heard, at: datetime) -> None:
    """Keep who says the opposite of what the order stands as, once per order."""
    found = ContradictionRow(key=row.key, said=said, stands=row.answered or said, heard=heard, heard_at=at)
    await session.execute(
        insert(ContradictionRow).values(found.values()).on_conflict_do_nothing(index_elements=["key"])
    )
