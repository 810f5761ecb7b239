"""The repairs of the last days as the policy of repairs judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.repairs import RepairItemRow, RepairRow
from domain.ops.repairs import ItemState, RepairKind

REPAIRS_MAX = 500  # The newest; each has up to 20,000 runs.


@dataclass(frozen=True)
class RepairSubmitted:
    """One repair with how many of its runs are in each state."""

    kind: RepairKind
    runs: Mapping[ItemState, int]


async def repairs(session: AsyncSession, since: datetime) -> list[RepairSubmitted]:
    """Return the repairs submitted since a moment, the newest first; at most REPAIRS_MAX."""
    wanted = (
        select(RepairRow.id, RepairRow.kind)
        .where(RepairRow.submitted_at > since)
        .order_by(RepairRow.submitted_at.desc(), RepairRow.id.desc())
        .limit(REPAIRS_MAX)
    )
    kinds = {row.id: row.kind for row in await session.execute(wanted)}
    item = RepairItemRow
    counted = select(item.repair_id, item.state, func.count()).where(item.repair_id.in_(kinds))
    runs: dict[str, dict[ItemState, int]] = {one: {} for one in kinds}
    rows = await session.execute(counted.group_by(item.repair_id, item.state).order_by(item.repair_id, item.state))
    for repair_id, state, number in rows:
        runs[repair_id][state] = number
    return [RepairSubmitted(kind, runs[one]) for one, kind in kinds.items()]
