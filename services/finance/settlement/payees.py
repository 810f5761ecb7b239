"""Whom a run is paid to: the counterparty's payee on its rail, which a second person agreed to."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import (
    CounterpartyPayeeRow,
    CounterpartyRow,
    SettlementOrderRow,
    SettlementRunRow,
)
from domain.finance.payout import PayoutState
from domain.finance.settlement import PayeeState


async def payee_of(session: AsyncSession, party: CounterpartyRow, run: SettlementRunRow) -> CounterpartyPayeeRow | None:
    """Return the payee of the next order; None where there is none, or an order of this run to it was refused."""
    newest = (
        select(CounterpartyPayeeRow)
        .where(
            CounterpartyPayeeRow.counterparty_id == party.id,
            CounterpartyPayeeRow.rail == party.rail,
            CounterpartyPayeeRow.state == PayeeState.AGREED,
        )
        .order_by(CounterpartyPayeeRow.checked_at.desc(), CounterpartyPayeeRow.id.desc())
        .limit(1)
    )
    payee = (await session.execute(newest)).scalar_one_or_none()
    refused = select(SettlementOrderRow.payee_id).where(
        SettlementOrderRow.run_id == run.id, SettlementOrderRow.state == PayoutState.REFUSED
    )
    if payee is None or payee.id in set((await session.execute(refused)).scalars()):
        return None
    return payee
