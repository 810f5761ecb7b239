"""Find the open workflows that are stuck by the rules in force, and what the stuck ones come to by cause.

One look replaces what the look before found, so that a run leaves the page as soon as it has moved on. Pages read the
sums only: they cost the same however many runs are open.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import text

from database.locks import AdvisoryLock, try_acquire
from database.reads.ops.signs import STUCK, values
from database.session import Database
from domain.places import business_day
from domain.rules.stuck import stuck_in_force
from services.ops import watch

TREND_MINUTES = 60
_COLUMNS = (
    "workflow_id, kind, subject, cause, sign, error_class, step, provider, build_id, queue, reason, message, failures,"
    " since, next_at, value_minor, stage, waiting_for, card_type, brand, found_at"
)
_CHANGING = [name.strip() for name in _COLUMNS.split(",") if name.strip() not in ("workflow_id", "found_at")]
FIND = f"""
WITH found AS MATERIALIZED ({STUCK}), kept AS (
    INSERT INTO stuck_run ({_COLUMNS}) SELECT {_COLUMNS} FROM found
    ON CONFLICT (workflow_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}
    WHERE ({", ".join(f"stuck_run.{name}" for name in _CHANGING)})
        IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _CHANGING)})
), gone AS (
    DELETE FROM stuck_run AS old WHERE NOT EXISTS (SELECT FROM found WHERE found.workflow_id = old.workflow_id)
)
SELECT count(*) FROM found
"""  # noqa: S608  # Names of our own.
# The trend keeps the newest count of each minute, as `minute since 1970 → runs`.
SUM = """
WITH summed AS (
    SELECT cause, min(sign) AS sign, min(error_class) AS error_class, min(step) AS step, min(provider) AS provider,
           min(build_id) AS build_id, max(queue) AS queue, count(*) AS runs, min(since) AS oldest, sum(value_minor) AS value_minor,
           (array_agg(reason ORDER BY next_at DESC NULLS LAST, workflow_id))[1] AS reason,
           (array_agg(message ORDER BY next_at DESC NULLS LAST, workflow_id))[1] AS message
    FROM stuck_run GROUP BY cause
), kept AS (
    INSERT INTO stuck_cause (cause, sign, error_class, step, provider, build_id, queue, reason, message, runs, oldest,
                             value_minor, first_at, trend)
    SELECT cause, sign, error_class, step, provider, build_id, queue, reason, message, runs, oldest, value_minor, CAST(:now AS timestamptz),
           jsonb_build_object(CAST(:minute AS text), runs)
    FROM summed
    ON CONFLICT (cause) DO UPDATE SET
        sign = excluded.sign, queue = excluded.queue, reason = excluded.reason, message = excluded.message,
        runs = excluded.runs, oldest = excluded.oldest, value_minor = excluded.value_minor,
        trend = coalesce((
            SELECT jsonb_object_agg(key, value) FROM jsonb_each(stuck_cause.trend)
            WHERE CAST(key AS bigint) > CAST(:minute AS bigint) - :minutes
        ), '{}') || excluded.trend
), gone AS (
    DELETE FROM stuck_cause WHERE NOT EXISTS (SELECT FROM summed WHERE summed.cause = stuck_cause.cause)
)
SELECT count(*) FROM summed
"""


class StuckRuns:
    """Looks for stuck runs; safe to run in several processes."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def find(self) -> int:
        """Replace what was found before; return how many runs are stuck. Raises DatabaseUnavailable.

        Returns 0 where another process looks at this moment.
        """
        now = self._now()
        rules = stuck_in_force(business_day(now))
        async with self._database.transaction() as session:
            if not await try_acquire(session, AdvisoryLock.STUCK_RUNS):
                return 0
            runs = int((await session.execute(text(FIND), await values(session, rules, now))).scalar_one())
            minute = int(now.timestamp()) // 60
            summed = {"now": now, "minute": str(minute), "minutes": TREND_MINUTES}
            causes = int((await session.execute(text(SUM), summed)).scalar_one())
            await watch.ended(session, watch.Look.STUCK, {"runs": runs, "causes": causes, "rules": rules.version}, now)
        return runs
