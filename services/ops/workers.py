"""Worker processes: their names, heartbeats and drains. A drain is asked for by a person and holds until it is lifted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database import locks
from database.locks import AdvisoryLock
from database.repositories.audit import by_person
from database.session import Database
from database.tables.columns import now
from database.tables.ops.workers import WorkerProcessRow
from database.tables.people import AuditRow
from domain.errors.general import FieldInvalid, NotFound
from domain.ops.workers import WHY_MAX, QueuesUsed, WorkerState, state_of, worker_name

# A process that ended long ago says nothing any more; a drained one is kept, because its drain still holds.
FORGOTTEN_AFTER = timedelta(days=1)
COMMAND_LINE = "cli:"  # Before the user of the system who drained a worker at the command line.
_BUILD = """
INSERT INTO worker_build (build_id, first_at, last_at) VALUES (:build_id, :now, :now)
ON CONFLICT (build_id) DO UPDATE SET last_at = excluded.last_at
"""
_BEAT = """
UPDATE worker_process SET beat_at = :now, queues = CAST(:queues AS jsonb), ended_at = NULL
WHERE name = :name AND pid = :pid RETURNING drain_at IS NOT NULL
"""
_ENDED = "UPDATE worker_process SET ended_at = :now, beat_at = :now, queues = '{}' WHERE name = :name AND pid = :pid"
_FORGET = """
DELETE FROM worker_process WHERE drain_at IS NULL AND coalesce(ended_at, beat_at) < CAST(:before AS timestamptz)
"""


@dataclass(frozen=True)
class Claim:
    """The name of a process; `drained` when it must not work under it."""

    name: str
    drained: bool


class Workers:
    """The worker processes of the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, kind: str, host: str, pid: int, build_id: str) -> Claim:
        """Take the first free name of this kind on this host: `cards@host`, then `cards@host-2` …

        A name is free when its process has ended, is lost, or does not run on this host any more. A drained name is
        returned as such and not taken. Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            await locks.acquire(session, AdvisoryLock.WORKERS)
            await session.execute(text(_FORGET), {"before": now() - FORGOTTEN_AFTER})
            number = 1
            while True:
                name = worker_name(kind, host, number)
                row = await session.get(WorkerProcessRow, name)
                if row is None or _free(row, host, pid, now()):
                    break
                number += 1
            if row is not None and row.drain_at is not None:
                return Claim(name, drained=True)
            taken = WorkerProcessRow(
                name=name, kind=kind, host=host, pid=pid, build_id=build_id, started_at=now(), beat_at=now()
            )
            await session.merge(taken)
            await session.execute(text(_BUILD), {"build_id": build_id, "now": now()})
            return Claim(name, drained=False)

    async def beat(self, name: str, pid: int, queues: QueuesUsed) -> bool:
        """Write a heartbeat; return whether this process is to drain. Raises DatabaseUnavailable."""
        used = {queue: {kind: one.as_json() for kind, one in kinds.items()} for queue, kinds in queues.items()}
        values = {"name": name, "pid": pid, "queues": json.dumps(used), "now": now()}
        async with self._database.statement() as connection:
            return bool((await connection.execute(text(_BEAT), values)).scalar_one_or_none())

    async def ended(self, name: str, pid: int) -> None:
        """Write that the process has ended. Raises DatabaseUnavailable."""
        async with self._database.statement() as connection:
            await connection.execute(text(_ENDED), {"name": name, "pid": pid, "now": now()})

    async def drain(self, by: str, name: str, why: str) -> None:
        """Ask a worker to finish and end; a second request changes nothing. `by` is a person's id, or `cli:<user>`.

        Refuses NotFound for an unknown name, FieldInvalid without a reason.
        """
        reason = why.strip()
        if not 1 <= len(reason) <= WHY_MAX:
            raise FieldInvalid(field="why", why="missing" if not reason else "too_long")
        async with self._database.transaction() as session:
            row = await _row(session, name)
            if row.drain_at is None:
                row.drain_at, row.drain_by, row.drain_why = now(), by, reason
                session.add(_record(by, "drain", name, reason))

    async def undrain(self, by: str, name: str) -> None:
        """Lift a drain: the worker may start again. Refuses NotFound for an unknown name."""
        async with self._database.transaction() as session:
            row = await _row(session, name)
            if row.drain_at is not None:
                row.drain_at, row.drain_by, row.drain_why = None, "", ""
                session.add(_record(by, "undrain", name, ""))


def _free(row: WorkerProcessRow, host: str, pid: int, moment: datetime) -> bool:
    state = state_of(row.beat_at, row.ended_at, row.drain_at, moment)
    if state not in (WorkerState.WORKING, WorkerState.DRAINING):
        return True
    return row.host == host and (row.pid == pid or not psutil.pid_exists(row.pid))


async def _row(session: AsyncSession, name: str) -> WorkerProcessRow:
    row = await session.get(WorkerProcessRow, name, with_for_update=True)
    if row is None:
        raise NotFound(worker=name[:80])
    return row


def _record(by: str, act: str, name: str, reason: str) -> AuditRow:
    if by.startswith(COMMAND_LINE):
        return AuditRow(actor=by, act=f"cli:worker:{act}", subject=name, reason=reason)
    return by_person(by, f"console:worker:{act}", name, reason=reason)
