"""Whom a run is paid to: the counterparty's payee on its rail, which a second person agreed to."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance_settlement import (
    CounterpartyPayeeRow,
    CounterpartyRow,
    SettlementOrderRow,
    SettlementRunRow,
)
from domain.finance.payout import PayoutState
from domain.finance.settlement import PayeeState


async def payee_of(session: AsyncSession, party: CounterpartyRow, run: SettlementRunRow) -> CounterpartyPayeeRow | None:
    """Return the payee of the next order; None where there is none, or the newest was refused in this run."""
    newest = (
        select(CounterpartyPayeeRow)
        .where(
            CounterpartyPayeeRow.counterparty_id == party.id,
            CounterpartyPayeeRow.rail == party.rail,
            CounterpartyPayeeRow.state == PayeeState.AGREED,
        )
        .order_by(CounterpartyPayeeRow.checked_at.desc())
        .limit(1)
    )
    payee = (await session.execute(newest)).scalar_one_or_none()
    refused = select(SettlementOrderRow.settled_at).where(
        SettlementOrderRow.run_id == run.id,
        SettlementOrderRow.rail == party.rail,
        SettlementOrderRow.state == PayoutState.REFUSED,
    )
    moments = [one for one in (await session.execute(refused)).scalars() if one is not None]
    if payee is None or payee.checked_at is None or any(one >= payee.checked_at for one in moments):
        return None
    return payee
