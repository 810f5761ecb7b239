"""The managed list of reasons, as pages show it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.work import ReasonCodeRow
from domain.work.reason_codes import ReasonedAct

_REASON: Any = ReasonCodeRow  # Attributes of models are columns in a statement.


async def reasons(session: AsyncSession, *, retired: bool = False) -> dict[ReasonedAct, list[ReasonCodeRow]]:
    """Every act with its reasons in their order; those out of use only when asked for. One statement."""
    statement = select(ReasonCodeRow).order_by(_REASON.act, _REASON.position, _REASON.code)
    if not retired:
        statement = statement.where(_REASON.active)
    found: dict[ReasonedAct, list[ReasonCodeRow]] = {act: [] for act in ReasonedAct}
    for row in (await session.execute(statement)).scalars():
        found[ReasonedAct(row.act)].append(row)
    return found
