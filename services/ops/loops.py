"""How the background loops of a process fare, written down where the others see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from database.session import Database

KEPT = timedelta(hours=1)  # A process that has been silent for so long has ended.
LOOPS_MAX = 200  # Of one process.
_WRITE = """
WITH forgotten AS (DELETE FROM loop_health WHERE seen_at < CAST(:old AS timestamptz) OR (process = :process AND loop <> ALL(:names)))
INSERT INTO loop_health (process, loop, interval_s, lag_s, took_ms, failures, seen_at)
SELECT :process, name, interval_s, lag_s, took_ms, failures, CAST(:now AS timestamptz)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(name text, interval_s float8, lag_s float8, took_ms float8, failures int)
ON CONFLICT (process, loop) DO UPDATE SET
    interval_s = excluded.interval_s, lag_s = excluded.lag_s, took_ms = excluded.took_ms, failures = excluded.failures,
    seen_at = excluded.seen_at
"""


@dataclass(frozen=True)
class LoopSeen:
    """One loop: its interval, the time since a look last ended well, what that look took, and failures in a row."""

    name: str
    interval_s: float
    lag_s: float
    took_ms: float
    failures: int


class LoopReport:
    """Writes down the loops of this process; `process` is its name among all processes."""

    def __init__(
        self,
        database: Database,
        process: str,
        loops: Callable[[], Sequence[LoopSeen]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._process = process
        self._loops = loops
        self._now = now

    async def write(self) -> int:
        """Replace what this process wrote before; return how many loops it has. Raises DatabaseUnavailable."""
        now, seen = self._now(), list(self._loops())[:LOOPS_MAX]
        values = {
            "process": self._process, "now": now, "old": now - KEPT, "names": [one.name for one in seen],
            "rows": json.dumps([asdict(one) for one in seen]),
        }  # fmt: skip
        async with self._database.transaction() as session:
            await session.execute(text(_WRITE), values)
        return len(seen)
