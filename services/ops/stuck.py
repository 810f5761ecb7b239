"""Find the open workflows that are stuck by the rules in force, and what the stuck ones come to by cause.

One look replaces what the look before found, so that a run leaves the page as soon as it has moved on. Pages read the
sums only: they cost the same however many runs are open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire
from database.reads.ops.open_runs import OPEN_RUNS, VALUE
from database.reads.ops.providers import delays
from database.session import Database
from domain.cards.card import Stage
from domain.ops.providers import needed_by
from domain.ops.runs import CODE_FAILURES
from domain.places import business_day
from domain.rules.brands import catalogue
from domain.rules.stuck import PARTIES, STAGES, WITH_DEADLINE, StuckRules, stuck_in_force
from services.ops import watch

# A failing step whose next attempt did not come within this time is no news any more: describing it says what became of it.
LATE = timedelta(minutes=1)
# What Temporal was asked about is believed for so long.
BELIEVED = timedelta(minutes=5)
TREND_MINUTES = 60

_STEPS = """
    SELECT 1 AS rank, kind, subject,
           CASE state WHEN 'failing' THEN 'failing' WHEN 'workflow_task' THEN 'code' ELSE state END AS sign,
           error_class, step, provider, build_id, queue, reason, message, failures, since, next_at
    FROM pending_step
    WHERE (state = 'failing' AND failures >= :failures AND next_at > CAST(:now AS timestamptz) - CAST(:late AS interval))
       OR (state = 'workflow_task' AND failures >= :code_failures AND last_at > CAST(:now AS timestamptz) - CAST(:believed AS interval))
       OR (state = 'unstarted' AND since < CAST(:now AS timestamptz) - make_interval(secs => :unstarted_s)
           AND last_at > CAST(:now AS timestamptz) - CAST(:believed AS interval))
       OR (state IN ('paused', 'missing') AND last_at > CAST(:now AS timestamptz) - CAST(:believed AS interval))
"""
# A run that no step is known of: its row says since when the machine, a party or a deadline has left it where it is.
_ROWS = """
    SELECT {rank} AS rank, kind, subject, '{sign}' AS sign, '{sign}' AS error_class, stage AS step, {provider} AS provider,
           '' AS build_id, '' AS queue, '' AS reason, '' AS message, 0 AS failures, {since} AS since,
           CAST(NULL AS timestamptz) AS next_at
    FROM ({open}) AS run WHERE started_at IS NOT NULL AND ({conditions})
"""


def _aged() -> str:
    """Conditions on a row's age, one parameter for each stage and party."""
    machine = " OR ".join(
        f"(waiting_for = 'machine' AND stage = '{stage}' AND since < CAST(:now AS timestamptz) - make_interval(secs => :machine_{stage}))"
        for stage in STAGES
    )
    return _ROWS.format(rank=2, sign="slow", provider="''", since="since", open=OPEN_RUNS, conditions=machine)


def _overdue() -> str:
    parties = " OR ".join(
        f"(waiting_for = '{party}' AND until < CAST(:now AS timestamptz) - make_interval(secs => :overdue_{party}))"
        for party in WITH_DEADLINE
    )
    return _ROWS.format(
        rank=3, sign="overdue", provider="waiting_for", since="until", open=OPEN_RUNS, conditions=parties
    )


def _waiting() -> str:
    parties = " OR ".join(
        f"(waiting_for = '{party}' AND since < CAST(:now AS timestamptz) - make_interval(secs => :waiting_{party}))"
        for party in PARTIES
    )
    return _ROWS.format(
        rank=4, sign="waiting", provider="waiting_for", since="since", open=OPEN_RUNS, conditions=parties
    )


# A step waits for its own provider; of a run without a step its row says at most whom it waits for.
_BECAUSE_HELD = """
    (held.provider = first_signs.provider OR first_signs.sign IN ('slow', 'waiting')
     OR (first_signs.sign = 'overdue' AND first_signs.provider IN ('seller_code', 'outlet')))
"""
_COLUMNS = (
    "workflow_id, kind, subject, cause, sign, error_class, step, provider, build_id, queue, reason, message, failures,"
    " since, next_at, value_minor, stage, waiting_for, card_type, brand, found_at"
)
_CHANGING = [name.strip() for name in _COLUMNS.split(",") if name.strip() not in ("workflow_id", "found_at")]
FIND = f"""
WITH signs AS ({_STEPS} UNION ALL {_aged()} UNION ALL {_overdue()} UNION ALL {_waiting()}),
first_signs AS (SELECT DISTINCT ON (kind, subject) * FROM signs ORDER BY kind, subject, rank),
found AS MATERIALIZED (
    SELECT run.workflow_id, run.kind, run.subject,
           concat_ws('~', first_signs.error_class, first_signs.step, first_signs.provider, first_signs.build_id) AS cause,
           sign, error_class, step, provider, build_id, queue, reason, message, failures, first_signs.since, next_at,
           {VALUE} AS value_minor, run.stage, run.waiting_for, run.card_type, run.brand, CAST(:now AS timestamptz) AS found_at
    FROM first_signs JOIN ({OPEN_RUNS}) AS run ON run.kind = first_signs.kind AND run.subject = first_signs.subject
    WHERE NOT EXISTS (
        SELECT FROM jsonb_to_recordset(CAST(:held AS jsonb)) AS held(stage text, brand text, provider text)
        WHERE held.stage = run.stage AND held.brand = run.brand AND {_BECAUSE_HELD}
    )
), kept AS (
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
            values = {**_values(rules, now), "held": json.dumps(await waits_as_planned(session, now))}
            runs = int((await session.execute(text(FIND), values)).scalar_one())
            minute = int(now.timestamp()) // 60
            summed = {"now": now, "minute": str(minute), "minutes": TREND_MINUTES}
            causes = int((await session.execute(text(SUM), summed)).scalar_one())
            await watch.ended(session, watch.Look.STUCK, {"runs": runs, "causes": causes, "rules": rules.version}, now)
        return runs


async def waits_as_planned(session: AsyncSession, now: datetime) -> list[dict[str, str]]:
    """Return where cards wait for a party in maintenance: stage, brand and provider.

    An open window, and one whose planned end has passed, excuse nobody; while the party is resumed cards follow by degrees.
    """
    planned = {key for key, delay in (await delays(session, now)).items() if delay.until is not None or delay.resuming}
    if not planned:
        return []
    return [
        {"stage": stage.value, "brand": code, "provider": provider.id}
        for code, brand in catalogue().items()
        for stage in (Stage.VERIFICATION, Stage.PAYOUT)
        for provider in needed_by(stage, brand.card_type, brand.issuer)
        if (provider.id, "") in planned or (provider.id, code) in planned
    ]


def _values(rules: StuckRules, now: datetime) -> Mapping[str, Any]:
    """Every parameter of FIND."""
    return {
        "now": now, "failures": rules.failures, "unstarted_s": rules.unstarted_s, "late": LATE, "believed": BELIEVED,
        "code_failures": CODE_FAILURES,
        **{f"machine_{stage}": seconds for stage, seconds in rules.machine_s.items()},
        **{f"overdue_{party}": seconds for party, seconds in rules.overdue_s.items()},
        **{f"waiting_{party}": seconds for party, seconds in rules.waiting_s.items()},
    }  # fmt: skip
