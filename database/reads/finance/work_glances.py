"""What pieces of finance's work are about, as the queue shows them: breaks and settlement runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from database.tables.finance.statements import BreakRow
from domain.money import Money


@dataclass(frozen=True)
class FinanceGlance:
    """One piece of work: a key of words or a name, its day or period, and its two amounts (a break's own and its difference; a run's sum and what is paid)."""

    label: str
    name: str
    period: str
    amounts: tuple[Money, Money]


async def breaks(session: AsyncSession, task_ids: Collection[str]) -> dict[str, FinanceGlance]:
    """Return the breaks of these work items by item id."""
    rows = await session.execute(select(BreakRow).where(BreakRow.task_id.in_(task_ids)).order_by(BreakRow.id))
    return {
        str(row.task_id): FinanceGlance(
            f"statement_source.{row.source.value}", "", row.day.isoformat(),
            (Money(row.amount_minor, row.currency), Money(row.difference_minor, row.currency)),
        )
        for row in rows.scalars()
    }  # fmt: skip


async def runs(session: AsyncSession, task_ids: Collection[str]) -> dict[str, FinanceGlance]:
    """Return the settlement runs of these work items by item id."""
    found = await session.execute(
        select(SettlementRunRow, CounterpartyRow.name)
        .join(CounterpartyRow, CounterpartyRow.id == SettlementRunRow.counterparty_id)
        .where(SettlementRunRow.task_id.in_(task_ids))
        .order_by(SettlementRunRow.id)
    )
    return {
        str(row.task_id): FinanceGlance(
            "", name, row.period, (Money(row.lines_minor, row.currency), Money(row.payable_minor, row.currency))
        )
        for row, name in found
    }
