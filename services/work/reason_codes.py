"""Reasons of the managed list: an act that needs one is refused without."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.work import ReasonCodeRow
from domain.errors.work import ReasonUnknown
from domain.work.reason_codes import ReasonedAct


async def require_reason(session: AsyncSession, act: ReasonedAct, code: str) -> ReasonCodeRow:
    """Return the reason of this code for this act. Refuses ReasonUnknown (`act`) for any other, or one no longer in use."""
    row = await session.get(ReasonCodeRow, (act.value, code[:64]))
    if row is None or not row.active:
        raise ReasonUnknown(act=act.value)
    return row
