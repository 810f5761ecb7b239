"""The builds that have worked here, with the open runs that each has written a part of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A build that no open run holds a part of is kept for so long after it last worked.
KEPT = timedelta(days=30)
COUNTED_MAX = 20
_KNOWN = "SELECT build_id FROM worker_build ORDER BY last_at DESC LIMIT :limit"
_WORKS = """
UPDATE worker_build AS b SET last_at = p.beat_at
FROM (SELECT build_id, max(beat_at) AS beat_at FROM worker_process GROUP BY build_id) AS p
WHERE p.build_id = b.build_id AND p.beat_at > b.last_at
"""
_FORGET = "DELETE FROM worker_build WHERE last_at < CAST(:before AS timestamptz) AND coalesce(open_runs, 0) = 0"
_KEEP = "UPDATE worker_build SET open_runs = :runs, counted_at = :now WHERE build_id = :build_id"


async def known(session: AsyncSession, now: datetime) -> list[str]:
    """Return the builds that worked last, at most COUNTED_MAX; those that are over are forgotten."""
    await session.execute(text(_WORKS))
    await session.execute(text(_FORGET), {"before": now - KEPT})
    return list((await session.execute(text(_KNOWN), {"limit": COUNTED_MAX})).scalars())


async def keep(session: AsyncSession, counted: Mapping[str, int], now: datetime) -> None:
    """Write the counts down."""
    for build_id, runs in counted.items():
        await session.execute(text(_KEEP), {"build_id": build_id, "runs": runs, "now": now})
