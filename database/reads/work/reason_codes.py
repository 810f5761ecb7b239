"""The managed list of reasons, as pages show it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.work import ReasonCodeRow
from domain.work.reason_codes import ReasonedAct


async def reasons(session: AsyncSession, *, retired: bool = False) -> dict[ReasonedAct, list[ReasonCodeRow]]:
    """Every act with its reasons in their order; those out of use only when asked for. One statement."""
    statement = select(ReasonCodeRow).order_by(ReasonCodeRow.act, ReasonCodeRow.position, ReasonCodeRow.code)
    if not retired:
        statement = statement.where(ReasonCodeRow.active)
    found: dict[ReasonedAct, list[ReasonCodeRow]] = {act: [] for act in ReasonedAct}
    for row in (await session.execute(statement)).scalars():
        found[ReasonedAct(row.act)].append(row)
    return found
