"""Finance's work with a run: one open item at a time, for what the run waits for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from database.tables.work import WorkItemRow
from domain.finance.settlement import SettlementNeed
from domain.finance.settlement_work import SETTLEMENT_WORK, TEAM
from domain.identifiers import settlement_task
from domain.work.deadlines import ClockOwner
from services.work import items


async def needs(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, need: SettlementNeed | None, now: datetime
) -> None:
    """Open a piece of work for what is needed of finance, in place of the one that is open; None: nothing is needed."""
    open_one = None if run.task_id is None else await session.get_one(WorkItemRow, run.task_id, with_for_update=True)
    if open_one is not None and open_one.closed_at is None:
        if need is not None and open_one.reasons == [need.value]:
            return
        await items.closed(session, open_one, now)
    if need is None:
        return
    run.tasks += 1
    item = WorkItemRow(
        id=settlement_task(run.id, run.tasks), kind=SETTLEMENT_WORK.code, language=party.language,
        seller=party.owner if party.owner.startswith("partner:") else "", team=TEAM,
        value_minor=abs(run.payable_minor), reasons=[need.value], opened_at=now, order_at=now, warn_at=now, due_at=now,
        barred=sorted(run.hands) if need is SettlementNeed.APPROVAL else [],
    )  # fmt: skip
    await items.opened(session, item, ClockOwner.FINANCE, now)
    run.task_id = item.id
