"""Record that a check of the invariants or a backup ended, and say whether a scheduled check is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire
from database.tables.ops.health import UpkeepRow
from database.tables.ops.runs import RunWatchRow
from domain.identifiers import new_id
from domain.ops.health import Upkeep
from services.ops import watch
from services.ops.watch import Look

SAID_MAX = 20  # So many violations are kept in words.
SAID_LENGTH_MAX = 300


async def checked(
    session: AsyncSession, violations: Sequence[tuple[str, str]], began: datetime, ended: datetime
) -> None:
    """Record a check: each violation as its invariant and what is wrong, without secrets."""
    counts: dict[str, int] = {}
    for invariant, _ in violations:
        counts[invariant] = counts.get(invariant, 0) + 1
    said = [f"{invariant} {what}"[:SAID_LENGTH_MAX] for invariant, what in violations[:SAID_MAX]]
    session.add(_row(Upkeep.CHECK, began, ended, {"violations": counts, "said": said}))


async def backed_up(session: AsyncSession, files: int, began: datetime, ended: datetime) -> None:
    """Record a backup that was written whole; `began` is the moment that it holds."""
    session.add(_row(Upkeep.BACKUP, began, ended, {"files": files}))


async def claim_check(session: AsyncSession, every: timedelta, at_most: timedelta, now: datetime) -> bool:
    """Return whether a check is due: none has ended within `every`, and none that may still run began within `at_most`.

    True is given to one process: from then on a check counts as begun.
    """
    if not await try_acquire(session, AdvisoryLock.CHECK):
        return False
    newest = select(func.max(UpkeepRow.ended_at)).where(UpkeepRow.kind == Upkeep.CHECK)
    ended_at: datetime | None = (await session.execute(newest)).scalar_one()
    begun = await session.get(RunWatchRow, Look.CHECK.value)
    if (ended_at is not None and ended_at > now - every) or (begun is not None and begun.ended_at > now - at_most):
        return False
    await watch.ended(session, Look.CHECK, {}, now)
    return True


def _row(kind: Upkeep, began: datetime, ended: datetime, found: dict[str, object]) -> UpkeepRow:
    return UpkeepRow(id=new_id(), kind=kind, began_at=began, ended_at=ended, found=found)
