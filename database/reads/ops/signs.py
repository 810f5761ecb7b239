"""Which open runs are stuck by given rules: what their steps, their age, and their deadlines show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.open_runs import OPEN_RUNS, VALUE
from database.reads.ops.providers import delays
from domain.cards.card import Stage, WaitingFor
from domain.ops.providers import needed_by
from domain.ops.runs import CODE_FAILURES
from domain.rules.brands import catalogue
from domain.rules.stuck import PARTIES, STAGES, WITH_DEADLINE, StuckRules

# A failing step whose next attempt did not come within this time is no news any more: describing it says what became of it.
LATE = timedelta(minutes=1)
# What Temporal was asked about is believed for so long.
BELIEVED = timedelta(minutes=5)

# How most runs of a step fail at this moment, where workers poll its queue. In a large outage the retries of some use up the
# queue's rate: the others wait behind them for the same cause, and not for a worker.
_OUTAGES = """
    SELECT DISTINCT ON (queue, step) queue, step, error_class, build_id, reason, message
    FROM (
        SELECT queue, step, error_class, build_id, count(*) AS runs, max(reason) AS reason, max(message) AS message
        FROM pending_step
        WHERE state = 'failing' AND failures >= :failures AND next_at > CAST(:now AS timestamptz) - CAST(:late AS interval)
        GROUP BY queue, step, error_class, build_id
    ) AS recent
    WHERE EXISTS (SELECT FROM task_queue AS polled WHERE polled.queue = recent.queue AND polled.kind = 'activity' AND polled.pollers > 0)
    ORDER BY queue, step, runs DESC, error_class, build_id
"""
_STEPS = f"""
    SELECT 1 AS rank, pending.kind, pending.subject,
           CASE WHEN behind AND state = 'unstarted' THEN 'failing' WHEN state = 'workflow_task' THEN 'code' ELSE state END AS sign,
           CASE WHEN behind AND state = 'unstarted' THEN outage.error_class ELSE pending.error_class END AS error_class,
           pending.step, pending.provider,
           CASE WHEN behind AND state = 'unstarted' THEN outage.build_id ELSE pending.build_id END AS build_id, pending.queue,
           CASE WHEN behind AND state = 'unstarted' THEN outage.reason ELSE pending.reason END AS reason,
           CASE WHEN behind AND state = 'unstarted' THEN outage.message ELSE pending.message END AS message,
           pending.failures, pending.since, pending.next_at
    FROM pending_step AS pending LEFT JOIN ({_OUTAGES}) AS outage USING (queue, step)
    CROSS JOIN LATERAL (SELECT outage.error_class IS NOT NULL AS behind) AS queued
    WHERE (state = 'failing' AND failures >= :failures
           AND (behind OR next_at > CAST(:now AS timestamptz) - CAST(:late AS interval)))
       OR (state = 'workflow_task' AND failures >= :code_failures AND last_at > CAST(:now AS timestamptz) - CAST(:believed AS interval))
       OR (state = 'unstarted' AND last_at > CAST(:now AS timestamptz) - CAST(:believed AS interval)
           AND ((behind AND failures >= :failures) OR since < CAST(:now AS timestamptz) - make_interval(secs => :unstarted_s)))
       OR (state IN ('paused', 'missing') AND last_at > CAST(:now AS timestamptz) - CAST(:believed AS interval))
"""  # noqa: S608  # Names of our own.
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


def _waits(rank: int, sign: str, since: str, parties: tuple[WaitingFor, ...]) -> str:
    """Conditions on how long a row waits for a party, counted from the column `since`, one parameter for each party."""
    conditions = " OR ".join(
        f"(waiting_for = '{party}' AND {since} < CAST(:now AS timestamptz) - make_interval(secs => :{sign}_{party}))"
        for party in parties
    )
    return _ROWS.format(
        rank=rank, sign=sign, provider="waiting_for", since=since, open=OPEN_RUNS, conditions=conditions
    )


# A step waits for its own provider; of a run without a step its row says at most whom it waits for.
_BECAUSE_HELD = """
    (held.provider = first_signs.provider OR first_signs.sign IN ('slow', 'waiting')
     OR (first_signs.sign = 'overdue' AND first_signs.provider IN ('seller_code', 'outlet')))
"""
# Each stuck run once, with its cause; the parameters are `values`.
STUCK = f"""
SELECT run.workflow_id, run.kind, run.subject,
       concat_ws('~', first_signs.error_class, first_signs.step, first_signs.provider, first_signs.build_id) AS cause,
       sign, error_class, step, provider, build_id, queue, reason, message, failures, first_signs.since, next_at,
       {VALUE} AS value_minor, run.stage, run.waiting_for, run.card_type, run.brand, CAST(:now AS timestamptz) AS found_at
FROM (
    SELECT DISTINCT ON (kind, subject) *
    FROM ({_STEPS} UNION ALL {_aged()} UNION ALL {_waits(3, "overdue", "until", WITH_DEADLINE)} UNION ALL {_waits(4, "waiting", "since", PARTIES)}) AS signs
    ORDER BY kind, subject, rank
) AS first_signs
JOIN ({OPEN_RUNS}) AS run ON run.kind = first_signs.kind AND run.subject = first_signs.subject
WHERE NOT EXISTS (
    SELECT FROM jsonb_to_recordset(CAST(:held AS jsonb)) AS held(stage text, brand text, provider text)
    WHERE held.stage = run.stage AND held.brand = run.brand AND {_BECAUSE_HELD}
)
"""  # noqa: S608  # Names of our own.
_COUNT = f"SELECT count(*), coalesce(sum(value_minor), 0) FROM ({STUCK}) AS stuck"  # noqa: S608  # As above.
_OPEN = f"SELECT count(*) FROM ({OPEN_RUNS}) AS run"  # noqa: S608  # As above.


async def counted(session: AsyncSession, rules: StuckRules, now: datetime) -> tuple[int, int]:
    """Return how many runs are stuck by these rules, and the money at stake, CNY minor units."""
    runs, value = (await session.execute(text(_COUNT), await values(session, rules, now))).one()
    return int(runs), int(value)


async def open_runs(session: AsyncSession) -> int:
    """Return how many runs are open."""
    return int((await session.execute(text(_OPEN))).scalar_one())


async def values(session: AsyncSession, rules: StuckRules, now: datetime) -> Mapping[str, Any]:
    """Return every parameter of STUCK."""
    return {
        "now": now, "failures": rules.failures, "unstarted_s": rules.unstarted_s, "late": LATE, "believed": BELIEVED,
        "code_failures": CODE_FAILURES, "held": json.dumps(await _waits_as_planned(session, now)),
        **{f"machine_{stage}": seconds for stage, seconds in rules.machine_s.items()},
        **{f"overdue_{party}": seconds for party, seconds in rules.overdue_s.items()},
        **{f"waiting_{party}": seconds for party, seconds in rules.waiting_s.items()},
    }  # fmt: skip


async def _waits_as_planned(session: AsyncSession, now: datetime) -> list[dict[str, str]]:
    """Return where cards wait for a party in maintenance: stage, brand and provider.

    An open window, and one whose planned end has passed, excuse no delay; while the party is resumed cards follow by degrees.
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
