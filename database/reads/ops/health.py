"""The newest readings of the installation's health."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.health import HealthReadingRow
from domain.ops.health import Found, Measure, Reading, State, reading


async def readings(session: AsyncSession, now: datetime) -> tuple[Reading, ...]:
    """Return every measure in the order of `Measure`, each in its present state; unknown where it was never taken."""
    rows = {row.measure: row for row in (await session.execute(select(HealthReadingRow))).scalars()}
    return tuple(_reading(rows.get(measure), measure, now) for measure in Measure)


def _reading(row: HealthReadingRow | None, measure: Measure, now: datetime) -> Reading:
    if row is None:
        return Reading(Found(measure, None), None, State.UNKNOWN)
    found = Found(measure, row.value, row.facts, row.parts, absent=row.absent, failed=row.failed)
    return reading(found, row.taken_at, now)
