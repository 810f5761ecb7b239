"""What runs are still to pay: the share of a run belongs to its payment until that is ordered."""

from __future__ import annotations

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import SettlementOrderRow, SettlementRunRow
from domain.finance.payout import PayoutState
from domain.finance.settlement import SettlementState
from domain.money import Money

# Its amount is on the way, or arrived: the books took it off the share.
_ORDERED = exists().where(
    SettlementOrderRow.run_id == SettlementRunRow.id, SettlementOrderRow.state != PayoutState.REFUSED
)


async def ordered(session: AsyncSession, run: SettlementRunRow) -> bool:
    """Return whether the run has an order that was not refused: its amount is on the way, or arrived."""
    return bool((await session.execute(select(_ORDERED).where(SettlementRunRow.id == run.id))).scalar_one())


async def others_pay(session: AsyncSession, run: SettlementRunRow) -> Money:
    """Return what the counterparty's other runs are to pay, by their statements, and have not ordered."""
    others = (
        SettlementRunRow.counterparty_id == run.counterparty_id,
        SettlementRunRow.id != run.id,
        SettlementRunRow.state != SettlementState.CLOSED,
        ~_ORDERED,
    )
    summed = select(func.coalesce(func.sum(SettlementRunRow.payable_minor), 0)).where(*others)
    return Money(int((await session.execute(summed)).scalar_one()), run.currency)
