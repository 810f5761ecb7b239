"""What Temporal says of single runs and of its task queues, written down; and which runs to ask about next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.open_runs import OPEN_RUNS
from domain.ops.runs import StepState, provider_of, subject_of

# A run that the machine should move and has not moved for so long is asked about.
SETTLED = timedelta(seconds=5)
# What a worker or Temporal reported is not asked about again before this time.
FRESH = timedelta(seconds=10)


@dataclass(frozen=True)
class DescribedStep:
    """The pending step of a run by Temporal's own account. `failures` is what Temporal counts for this scheduling."""

    workflow_id: str
    state: StepState
    step: str
    queue: str
    failures: int
    error_class: str
    reason: str
    message: str
    since: datetime
    next_at: datetime | None
    build_id: str
    worker: str


@dataclass(frozen=True)
class DescribedQueue:
    """A task queue by Temporal's own account; `pollers` are the identities and build ids that asked it lately."""

    queue: str
    kind: str
    pollers: tuple[Mapping[str, str], ...]
    backlog: int
    backlog_age_s: float
    added_per_s: float
    dispatched_per_s: float


_DUE = f"""
SELECT workflow_id FROM (
    SELECT p.workflow_id, p.last_at AS at FROM pending_step AS p
    WHERE p.last_at < CAST(:fresh AS timestamptz) AND (p.next_at IS NULL OR p.next_at < CAST(:now AS timestamptz))
    UNION ALL
    SELECT run.workflow_id, run.since AS at FROM ({OPEN_RUNS}) AS run
    WHERE run.waiting_for IN ('machine', 'issuer', 'gateway') AND run.since < CAST(:settled AS timestamptz) AND run.started_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM pending_step AS p WHERE p.kind = run.kind AND p.subject = run.subject)
) AS due
WHERE NOT workflow_id = ANY(:asked)
ORDER BY at LIMIT :limit
"""  # noqa: S608  # Names of our own.
# Failures that workers counted over several schedulings are more than Temporal counts for the present one.
_KEEP = """
INSERT INTO pending_step (workflow_id, kind, subject, state, step, queue, provider, failures, error_class, reason, message,
                          since, last_at, next_at, build_id, worker)
VALUES (:workflow_id, :kind, :subject, :state, :step, :queue, :provider, :failures, :error_class, :reason, :message,
        :since, :now, :next_at, :build_id, :worker)
ON CONFLICT (workflow_id) DO UPDATE SET
    failures = CASE WHEN pending_step.step = excluded.step THEN greatest(pending_step.failures, excluded.failures)
                    ELSE excluded.failures END,
    since = CASE WHEN pending_step.step = excluded.step AND pending_step.state = excluded.state
                 THEN least(pending_step.since, excluded.since) ELSE excluded.since END,
    state = excluded.state, step = excluded.step, queue = excluded.queue, provider = excluded.provider,
    error_class = excluded.error_class, reason = excluded.reason, message = excluded.message, last_at = excluded.last_at,
    next_at = excluded.next_at, worker = excluded.worker,
    build_id = CASE WHEN excluded.build_id = '' THEN pending_step.build_id ELSE excluded.build_id END
"""
_QUEUE = """
INSERT INTO task_queue (queue, kind, pollers, backlog, backlog_age_s, added_per_s, dispatched_per_s, described, seen_at)
VALUES (:queue, :kind, :pollers, :backlog, :backlog_age_s, :added_per_s, :dispatched_per_s, CAST(:described AS jsonb), :now)
ON CONFLICT (queue, kind) DO UPDATE SET
    pollers = excluded.pollers, backlog = excluded.backlog, backlog_age_s = excluded.backlog_age_s,
    added_per_s = excluded.added_per_s, dispatched_per_s = excluded.dispatched_per_s, described = excluded.described,
    seen_at = excluded.seen_at
"""


async def due(session: AsyncSession, asked: Sequence[str], limit: int, now: datetime) -> list[str]:
    """Return workflow ids to ask Temporal about, those without news for longest first; `asked` are left out."""
    values = {"fresh": now - FRESH, "settled": now - SETTLED, "asked": list(asked), "limit": limit, "now": now}
    return list((await session.execute(text(_DUE), values)).scalars())


async def keep(session: AsyncSession, found: DescribedStep, now: datetime) -> None:
    """Write down a run's pending step."""
    named = subject_of(found.workflow_id)
    if named is None:
        return
    values = asdict(found) | {
        "kind": named[0].value, "subject": named[1], "state": found.state.value,
        "provider": provider_of(found.step, found.queue), "now": now,
    }  # fmt: skip
    await session.execute(text(_KEEP), values)


async def forget(session: AsyncSession, workflow_ids: Sequence[str]) -> None:
    """Forget what was known of runs that wait for nothing now."""
    await session.execute(text("DELETE FROM pending_step WHERE workflow_id = ANY(:ids)"), {"ids": list(workflow_ids)})


async def keep_queue(session: AsyncSession, found: DescribedQueue, now: datetime) -> None:
    """Write down a task queue."""
    values = asdict(found) | {
        "pollers": len(found.pollers),
        "described": json.dumps({"pollers": found.pollers}),
        "now": now,
    }
    await session.execute(text(_QUEUE), values)
