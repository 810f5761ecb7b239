"""Worker processes with their drains, the waits of each queue as they saw them, and the builds that have worked here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.workers import WorkerBuildRow, WorkerProcessRow
from domain.ops.workers import QueueUse, Waits, WorkerState, state_of

BUILDS_SHOWN = 20
ALIVE = frozenset({WorkerState.WORKING, WorkerState.DRAINING})
QueueKind = tuple[str, str]  # Task queue and `workflow` or `activity`.


@dataclass(frozen=True)
class WorkerProcess:
    """One process; its slots and waits count only while it is alive."""

    name: str
    kind: str
    host: str
    pid: int
    build_id: str
    state: WorkerState
    started_at: datetime
    beat_at: datetime
    ended_at: datetime | None
    drain_at: datetime | None
    drain_by: str
    drain_why: str
    queues: Mapping[QueueKind, QueueUse]

    @property
    def used(self) -> int:
        """Steps that it runs now."""
        return sum(one.used for one in self.queues.values())

    @property
    def alive(self) -> bool:
        """Whether its heartbeat is fresh and it has not ended."""
        return self.state in ALIVE


@dataclass(frozen=True)
class WorkerBuild:
    """A build and the open runs that it has written a part of; None where they were not counted yet."""

    build_id: str
    first_at: datetime
    last_at: datetime
    open_runs: int | None
    counted_at: datetime | None
    working: int  # Live processes of this build.


@dataclass(frozen=True)
class QueueSlots:
    """Slots of a queue over all live workers, and how long its tasks waited in the last ten minutes."""

    used: int = 0
    slots: int = 0
    waits: Waits = Waits()  # noqa: RUF009  # Immutable.


async def processes(session: AsyncSession, now: datetime) -> tuple[WorkerProcess, ...]:
    """Return every process by name."""
    rows = await session.execute(select(WorkerProcessRow).order_by(WorkerProcessRow.name))
    return tuple(_process(row, now) for row in rows.scalars())


async def process(session: AsyncSession, name: str, now: datetime) -> WorkerProcess | None:
    """Return one process; None for an unknown name."""
    row = await session.get(WorkerProcessRow, name)
    return None if row is None else _process(row, now)


async def builds(session: AsyncSession, found: Iterable[WorkerProcess]) -> tuple[WorkerBuild, ...]:
    """Return the newest builds, with the number of live processes of each."""
    working: dict[str, int] = defaultdict(int)
    for one in found:
        working[one.build_id] += one.alive
    rows = await session.execute(select(WorkerBuildRow).order_by(WorkerBuildRow.last_at.desc()).limit(BUILDS_SHOWN))
    return tuple(
        WorkerBuild(
            row.build_id, row.first_at, row.last_at, row.open_runs, row.counted_at, working.get(row.build_id, 0)
        )
        for row in rows.scalars()
    )


def slots(found: Iterable[WorkerProcess]) -> dict[QueueKind, QueueSlots]:
    """Return the slots and waits of each queue over the live workers."""
    total: dict[QueueKind, QueueSlots] = {}
    for one in found:
        for place, use in one.queues.items() if one.alive else ():
            before = total.get(place, QueueSlots())
            total[place] = QueueSlots(
                before.used + use.used, before.slots + use.slots, before.waits.and_also(use.waits)
            )
    return total


def _process(row: WorkerProcessRow, now: datetime) -> WorkerProcess:
    queues = {
        (queue, kind): QueueUse(use["used"], use["slots"], tuple(use["waits"]))
        for queue, kinds in row.queues.items()
        for kind, use in kinds.items()
    }
    return WorkerProcess(
        row.name, row.kind, row.host, row.pid, row.build_id, state_of(row.beat_at, row.ended_at, row.drain_at, now),
        row.started_at, row.beat_at, row.ended_at, row.drain_at, row.drain_by, row.drain_why, queues,
    )  # fmt: skip
