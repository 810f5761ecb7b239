"""What the operations pages show of stuck runs: causes from sums that a job keeps, and the runs of one cause page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import lasts
from database.reads.ops.providers import delays
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.money import Money
from domain.ops.causes import Cause, Circumstances, LikelyReason, Sign, likely_reason
from domain.ops.runs import WORKFLOW_TASK, RunKind, StepState

PAGE = 50
QUEUE_BELIEVED = timedelta(seconds=30)  # What was described longer ago says nothing of the present.
_CIRCUITS = "SELECT name FROM circuit WHERE open_until > :now"
# Temporal names a poller for minutes after it has gone: a backlog without any start says more.
_QUEUES = """
SELECT queue, kind, pollers = 0 OR (backlog > 0 AND backlog_age_s > 10 AND dispatched_per_s < 0.01) AS idle
FROM task_queue WHERE seen_at > CAST(:now AS timestamptz) - CAST(:believed AS interval)
"""


@dataclass(frozen=True)
class StuckCause:
    """The stuck runs of one cause. `trend` is how many there were in each of the last minutes, the oldest first."""

    cause: Cause
    sign: Sign
    reason: LikelyReason
    error: str  # The newest error's short word.
    message: str
    runs: int
    oldest: datetime
    value: Money
    first_at: datetime
    trend: tuple[int, ...]


@dataclass(frozen=True)
class StuckRun:
    """One stuck run."""

    workflow_id: str
    kind: RunKind
    subject: str
    sign: Sign
    step: str
    failures: int
    since: datetime
    next_at: datetime | None
    value: Money
    stage: str
    waiting_for: str
    card_type: str
    brand: str
    until: datetime | None  # Its deadline, where it waits for a party.
    owner: str  # The person who holds or was given its open task; empty without one.


@dataclass(frozen=True)
class PendingStep:
    """What is known of a run's pending step."""

    state: StepState
    step: str
    queue: str
    provider: str
    failures: int
    error_class: str
    reason: str
    message: str
    since: datetime
    last_at: datetime
    next_at: datetime | None
    build_id: str
    worker: str


async def causes(session: AsyncSession, now: datetime) -> tuple[StuckCause, ...]:
    """Return every cause, those with the most runs first."""
    seen = await _seen(session, now)
    rows = await session.execute(text("SELECT * FROM stuck_cause ORDER BY runs DESC, oldest, cause"))
    return tuple(_cause(row, seen, now) for row in rows.mappings())


async def cause(session: AsyncSession, key: str, now: datetime) -> StuckCause | None:
    """Return one cause; None when no run is stuck by it any more."""
    rows = await session.execute(text("SELECT * FROM stuck_cause WHERE cause = :key"), {"key": key})
    row = rows.mappings().one_or_none()
    return None if row is None else _cause(row, await _seen(session, now), now)


async def runs(
    session: AsyncSession, key: str, after: tuple[datetime, str] | None, limit: int = PAGE
) -> list[StuckRun]:
    """Return the runs of a cause, those stuck for longest first; `after` is the last run of the page before."""
    follows = "AND (stuck_run.since, stuck_run.workflow_id) > (:since, :after)" if after else ""
    values: dict[str, Any] = {"key": key, "limit": limit}
    if after:
        values |= {"since": after[0], "after": after[1]}
    wanted = f"""
        SELECT stuck_run.*, card.until FROM stuck_run LEFT JOIN card ON card.id = stuck_run.subject AND stuck_run.kind = 'card'
        WHERE cause = :key {follows} ORDER BY stuck_run.since, stuck_run.workflow_id LIMIT :limit
    """  # noqa: S608  # Our own.
    found = (await session.execute(text(wanted), values)).mappings().all()
    owned = await owners(session, [row["subject"] for row in found])
    return [_run(row, owned.get(row["subject"], "")) for row in found]


async def pending(session: AsyncSession, workflow_id: str) -> PendingStep | None:
    """Return what is known of a run's pending step; None when nothing is wrong with it."""
    found = await session.execute(text("SELECT * FROM pending_step WHERE workflow_id = :id"), {"id": workflow_id})
    row = found.mappings().one_or_none()
    if row is None:
        return None
    fields = {name: row[name] for name in PendingStep.__annotations__ if name != "state"}
    return PendingStep(state=StepState(row["state"]), **fields)


async def owners(session: AsyncSession, cards: Sequence[str]) -> dict[str, str]:
    """Return by card the name of the person who holds its open task, or else was given it."""
    whose = case((lasts(WorkItemRow, func.now()), WorkItemRow.leased_by), else_=WorkItemRow.assigned_to)
    wanted = (
        select(WorkItemRow.card_id, PersonRow.name)
        .join(PersonRow, PersonRow.id == whose)
        .where(WorkItemRow.card_id.in_(cards), WorkItemRow.closed_at.is_(None))
        .order_by(WorkItemRow.opened_at.desc())
    )
    return {card: name for card, name in await session.execute(wanted) if card is not None}


@dataclass(frozen=True)
class Looked:
    """When a look ended well, and what it found."""

    ended_at: datetime
    found: Mapping[str, Any]


async def looks(session: AsyncSession) -> dict[str, Looked]:
    """Return the newest look of each kind."""
    rows = await session.execute(text("SELECT look, ended_at, found FROM run_watch"))
    return {look: Looked(ended_at, found) for look, ended_at, found in rows}


@dataclass(frozen=True)
class _Seen:
    circuits: frozenset[str]
    held: frozenset[str]  # Providers in maintenance.
    idle: Mapping[tuple[str, str], bool]  # By task queue and its kind.


async def _seen(session: AsyncSession, now: datetime) -> _Seen:
    circuits = frozenset((await session.execute(text(_CIRCUITS), {"now": now})).scalars())
    queues = await session.execute(text(_QUEUES), {"now": now, "believed": QUEUE_BELIEVED})
    held = frozenset(provider for provider, _ in await delays(session, now))
    return _Seen(circuits, held, {(row.queue, row.kind): row.idle for row in queues})


def _cause(row: RowMapping, seen: _Seen, now: datetime) -> StuckCause:
    named = Cause(row["error_class"], row["step"], row["provider"], row["build_id"])
    sign = Sign(row["sign"])
    circumstances = Circumstances(
        in_maintenance=row["provider"] in seen.held,
        circuit_open=row["provider"].replace("store:", "pos:") in seen.circuits,
        idle=seen.idle.get((row["queue"], "workflow" if row["step"] == WORKFLOW_TASK else "activity"), False),
    )
    return StuckCause(
        named, sign, likely_reason(sign, row["error_class"], row["reason"], circumstances), row["reason"], row["message"],
        row["runs"], row["oldest"], Money(row["value_minor"]), row["first_at"], _minutes(row["trend"], now),
    )  # fmt: skip


def _minutes(trend: Mapping[str, int], now: datetime, shown: int = 60) -> tuple[int, ...]:
    """The counts of the last minutes; a minute without a look of its own has the one before it."""
    last, counts, minute = 0, [], int(now.timestamp()) // 60
    for one in range(minute - shown + 1, minute + 1):
        last = trend.get(str(one), last)
        counts.append(last)
    return tuple(counts)


def _run(row: RowMapping, owner: str) -> StuckRun:
    return StuckRun(
        row["workflow_id"], RunKind(row["kind"]), row["subject"], Sign(row["sign"]), row["step"], row["failures"],
        row["since"], row["next_at"], Money(row["value_minor"]), row["stage"], row["waiting_for"], row["card_type"], row["brand"],
        row["until"], owner,
    )  # fmt: skip
