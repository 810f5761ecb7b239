"""Measure an installation: its database, what waits to leave it, its loops and workers; and keep the newest readings.

Each measure is one bounded statement. What only the machine knows (disks, keys, clocks) is given by who builds the process.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from domain.identifiers import moment_of
from domain.ops.health import Found, Measure

Machine = Callable[[], Awaitable[Sequence[Found]]]
SEEN = timedelta(minutes=1)  # What was seen longer ago says nothing of the present.
NOTICES_LATE = timedelta(minutes=5)
LOOP_LATE_S = 60.0
LOOP_FAILURES = 3
NAMED_MAX = 20
BASIS = 10_000

_DATABASE = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
       CAST(current_setting('max_connections') AS int) - CAST(current_setting('superuser_reserved_connections') AS int) AS most,
       (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()) AS transaction_s,
       pg_database_size(current_database()) AS bytes,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0) FROM pg_stat_replication) AS lag_s,
       (SELECT last_archived_time FROM pg_stat_archiver) AS archived_at
"""
_WAITING = """
SELECT (SELECT coalesce(max(extract(epoch FROM CAST(:now AS timestamptz) - due_at)), 0) FROM outbox
        WHERE delivered_at IS NULL AND given_up_at IS NULL AND due_at < CAST(:now AS timestamptz)) AS outbox_s,
       (SELECT count(*) FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL AND kind = 'webhook') AS webhooks,
       (SELECT min(id) FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL AND kind = 'webhook') AS oldest_webhook,
       (SELECT count(*) FROM notice WHERE (mailed_at IS NULL OR hooked_at IS NULL)
                                      AND due_at < CAST(:now AS timestamptz) - CAST(:late AS interval)) AS notices,
       (SELECT count(*) FROM set_aside) AS set_aside
"""
_UPKEEP = """
SELECT (SELECT found FROM upkeep WHERE kind = 'check' ORDER BY ended_at DESC LIMIT 1) AS found,
       (SELECT max(ended_at) FROM upkeep WHERE kind = 'check') AS checked_at,
       (SELECT coalesce(jsonb_object_agg(code, broken), '{}') FROM (
            SELECT code, sum(broken) AS broken FROM invariant_result WHERE NOT whole AND broken > 0 GROUP BY code
        ) AS lately) AS lately,
       (SELECT max(began_at) FROM upkeep WHERE kind = 'backup') AS backed_up_at,
       (SELECT created_at FROM submission ORDER BY id LIMIT 1) AS first_at
"""
_LOOKS = "SELECT look, ended_at FROM run_watch"
_QUEUES = """
SELECT queue || ' ' || kind AS name, pollers = 0 OR (backlog > 0 AND backlog_age_s > 10 AND dispatched_per_s < 0.01) AS idle
FROM task_queue WHERE seen_at > CAST(:now AS timestamptz) - CAST(:seen AS interval)
"""
_LOOPS = """
SELECT process, loop, greatest(lag_s - interval_s, 0) AS late_s, failures FROM loop_health
WHERE seen_at > CAST(:now AS timestamptz) - CAST(:seen AS interval)
"""
_KEEP = """
INSERT INTO health_reading (measure, value, absent, failed, facts, parts, taken_at)
SELECT measure, value, absent, failed, facts, parts, CAST(:now AS timestamptz)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(measure text, value float8, absent boolean, failed boolean, facts jsonb, parts jsonb)
ON CONFLICT (measure) DO UPDATE SET
    value = excluded.value, absent = excluded.absent, failed = excluded.failed, facts = excluded.facts,
    parts = excluded.parts, taken_at = excluded.taken_at
"""


class Health:
    """Takes readings. `machine` measures what only this machine knows."""

    def __init__(
        self, database: Database, machine: Machine, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._machine = machine
        self._now = now

    async def take(self) -> int:
        """Measure everything and keep it; return how many measures there are. Raises DatabaseUnavailable."""
        of_machine = list(await self._machine())
        now = self._now()
        async with self._database.transaction() as session:
            found = [*await measured(session, now), *of_machine]
            await keep(session, found, now)
        return len(found)


async def measured(session: AsyncSession, now: datetime) -> list[Found]:
    """Measure what the database knows."""
    at = {"now": now, "seen": SEEN, "late": NOTICES_LATE}
    server, waiting, upkeep = [await _one(session, sql, at) for sql in (_DATABASE, _WAITING, _UPKEEP)]
    looks = {row.look: row.ended_at for row in await session.execute(text(_LOOKS))}
    queues = {row.name: bool(row.idle) for row in await session.execute(text(_QUEUES), at)}
    loops = list((await session.execute(text(_LOOPS), at)).mappings())
    return [
        *_of_server(server), *_waiting(waiting, now), *_of_upkeep(upkeep, server["archived_at"], now),
        Found(Measure.TEMPORAL, _age(looks.get("queues"), now)), _looks(looks, now), _workers(queues), _loops(loops),
    ]  # fmt: skip


async def keep(session: AsyncSession, found: Iterable[Found], now: datetime) -> None:
    """Replace the newest readings of these measures."""
    rows = [
        {
            "measure": one.measure.value, "value": one.value, "absent": one.absent, "failed": one.failed,
            "facts": dict(one.facts), "parts": dict(one.parts),
        }
        for one in found
    ]  # fmt: skip
    await session.execute(text(_KEEP), {"rows": json.dumps(rows), "now": now})


async def _one(session: AsyncSession, sql: str, values: Mapping[str, Any]) -> RowMapping:
    wanted = text(sql)
    given = {name: value for name, value in values.items() if f":{name}" in sql}
    return (await session.execute(wanted, given)).mappings().one()


def _of_server(row: RowMapping) -> list[Found]:
    share = row["used"] * BASIS / max(1, row["most"])
    return [
        Found(Measure.CONNECTIONS, share, {"used": str(row["used"]), "most": str(row["most"])}),
        Found(Measure.TRANSACTION, float(row["transaction_s"])),
        Found(Measure.DATABASE_SIZE, float(row["bytes"])),
        Found(Measure.REPLICATION, float(row["lag_s"]), absent=not row["standbys"]),
    ]


def _waiting(row: RowMapping, now: datetime) -> list[Found]:
    oldest = row["oldest_webhook"]
    waits = {} if oldest is None else {"oldest_s": str(max(0, round((now - moment_of(oldest)).total_seconds())))}
    return [
        Found(Measure.OUTBOX, max(0.0, float(row["outbox_s"]))),
        Found(Measure.WEBHOOKS, row["webhooks"], waits),
        Found(Measure.NOTICES, row["notices"]),
        Found(Measure.SET_ASIDE, row["set_aside"]),
    ]


def _of_upkeep(row: RowMapping, archived_at: datetime | None, now: datetime) -> list[Found]:
    """An installation without a check or a backup is as old as its first submission; without one there is nothing to lose."""
    violations = {} if row["found"] is None else dict(row["found"].get("violations", {}))
    for code, broken in row["lately"].items():  # Found since, by a check of what is recent.
        violations[code] = max(violations.get(code, 0), int(broken))
    number = None if row["found"] is None and not violations else sum(violations.values())
    backups = [one for one in (row["backed_up_at"], archived_at) if one is not None]
    empty = row["first_at"] is None
    return [
        Found(Measure.INVARIANTS, number, parts=violations, absent=number is None and empty),
        _since(Measure.CHECKED, row["checked_at"], row["first_at"], now),
        _since(Measure.BACKUP, max(backups, default=None), row["first_at"], now),
    ]


def _since(measure: Measure, last: datetime | None, first: datetime | None, now: datetime) -> Found:
    never = {} if last is not None else {"never": "yes"}
    return Found(measure, _age(last or first, now), never, absent=last is None and first is None)


def _looks(looks: Mapping[str, datetime], now: datetime) -> Found:
    ages = {look: _age(looks.get(look), now) for look in ("stuck", "sweep")}
    known = {look: age for look, age in ages.items() if age is not None}
    return Found(Measure.LOOKS, max(known.values()) if len(known) == len(ages) else None, parts=known)


def _workers(queues: Mapping[str, bool]) -> Found:
    """Unknown where no queue was described lately: Temporal does not answer."""
    idle = dict.fromkeys(sorted(name for name, is_idle in queues.items() if is_idle)[:NAMED_MAX], 1.0)
    number = sum(queues.values()) if queues else None
    return Found(Measure.WORKERS, number, {"queues": str(len(queues))}, parts=idle)


def _loops(rows: Sequence[RowMapping]) -> Found:
    bad = [row for row in rows if row["failures"] >= LOOP_FAILURES or row["late_s"] > LOOP_LATE_S]
    named = {f"{row['loop']} ({row['process']})": round(row["late_s"]) for row in bad[:NAMED_MAX]}
    processes = len({row["process"] for row in rows})
    return Found(Measure.LOOPS, len(bad) if rows else None, {"processes": str(processes)}, parts=named)


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())
