"""What the installation's own rows come to, in a few numbers for machines: backlogs, ages, stuck runs, workers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops import stuck, workers
from database.reads.ops.queues import QueueSeen, queues
from domain.ops.workers import WorkerState

_OUTBOX = """
SELECT kind, count(*) AS waiting, coalesce(extract(epoch FROM :now - min(due_at)), 0)::float8 AS oldest_s
FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL AND due_at <= CAST(:now AS timestamptz) GROUP BY kind
"""
_NOTICES = """
SELECT count(*) FROM notice WHERE (mailed_at IS NULL OR hooked_at IS NULL) AND due_at <= CAST(:now AS timestamptz)
"""
_WORK = """
SELECT kind, count(*) AS waiting, coalesce(extract(epoch FROM :now - min(opened_at)), 0)::float8 AS oldest_s
FROM work_item WHERE closed_at IS NULL GROUP BY kind
"""
_UNKNOWN = """
SELECT count(*) AS orders, coalesce(extract(epoch FROM :now - min(prepared_at)), 0)::float8 AS oldest_s
FROM payout WHERE state = 'unknown'
"""
_SET_ASIDE = "SELECT loop, count(*) AS pieces FROM set_aside GROUP BY loop"


@dataclass(frozen=True)
class Backlog:
    """How much waits, and for how long its oldest has waited (seconds)."""

    waiting: int
    oldest_s: float


@dataclass(frozen=True)
class StuckSum:
    """Stuck runs of one likely reason at one step of one provider; money in CNY minor units."""

    runs: int
    value_minor: int
    oldest_s: float


@dataclass(frozen=True)
class Figures:
    """Everything at one moment."""

    outbox: Mapping[str, Backlog]
    notices: int
    work: Mapping[str, Backlog]
    unknown_payouts: Backlog
    set_aside: Mapping[str, int]
    stuck: Mapping[tuple[str, str, str], StuckSum]  # By reason, step and provider.
    queues: tuple[QueueSeen, ...]
    workers: Mapping[tuple[str, WorkerState], int]  # By kind and state.
    builds: Mapping[str, int]  # Open runs; only of builds that a worker runs or an open run holds a part of.


async def figures(session: AsyncSession, now: datetime) -> Figures:
    """Read them all; each statement has an index of its own or a small table."""
    at = {"now": now}
    found = await workers.processes(session, now)
    states: dict[tuple[str, WorkerState], int] = defaultdict(int)
    for one in found:
        states[one.kind, one.state] += 1
    unknown = (await session.execute(text(_UNKNOWN), at)).one()
    return Figures(
        outbox={row.kind: Backlog(row.waiting, row.oldest_s) for row in await session.execute(text(_OUTBOX), at)},
        notices=(await session.execute(text(_NOTICES), at)).scalar_one(),
        work={row.kind: Backlog(row.waiting, row.oldest_s) for row in await session.execute(text(_WORK), at)},
        unknown_payouts=Backlog(unknown.orders, unknown.oldest_s),
        set_aside={row.loop: row.pieces for row in await session.execute(text(_SET_ASIDE))},
        stuck=await _stuck(session, now),
        queues=await queues(session),
        workers=states,
        builds={
            one.build_id: one.open_runs or 0
            for one in await workers.builds(session, found)
            if one.open_runs or one.working
        },
    )


async def _stuck(session: AsyncSession, now: datetime) -> Mapping[tuple[str, str, str], StuckSum]:
    """Causes of several builds and error classes are one here: their number has no bound."""
    summed: dict[tuple[str, str, str], StuckSum] = {}
    for one in await stuck.causes(session, now):
        place = (one.reason.value, one.cause.step, one.cause.provider)
        before = summed.get(place, StuckSum(0, 0, 0.0))
        summed[place] = StuckSum(
            before.runs + one.runs,
            before.value_minor + one.value.amount_minor,
            max(before.oldest_s, (now - one.oldest).total_seconds()),
        )
    return summed
