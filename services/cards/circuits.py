"""The circuits of the breakers, kept in the database for all processes, by its clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import asyncpg

from database.session import Database, DatabaseUnavailable
from gateways.breaker import Circuit, CircuitsAway

PATIENCE_S = 0.5  # A call to an outside system waits no longer for us.

_LEFT_MS = "greatest(0, coalesce(extract(epoch FROM {} - now()) * 1000, 0))::float8"
_COLUMNS = f"failures, {_LEFT_MS.format('open_until')} AS open_ms, {_LEFT_MS.format('probing_until')} AS probing_ms"
_ALL = f"""
SELECT coalesce(jsonb_object_agg(name, jsonb_build_array(failures, open_ms, probing_ms)), '{{}}')::text
FROM (SELECT name, {_COLUMNS} FROM circuit) AS kept
"""  # noqa: S608  # Made of our own words; every value is a parameter.
_FAILED = f"""
INSERT INTO circuit AS held (name, failures, open_until)
VALUES ($1, $2::int + 1, CASE WHEN $2::int + 1 >= $3::int THEN now() + make_interval(secs => $4) END)
ON CONFLICT (name) DO UPDATE SET
    failures = greatest(held.failures, $2::int) + 1,
    open_until = CASE WHEN greatest(held.failures, $2::int) + 1 >= $3::int
                 THEN now() + make_interval(secs => $4) ELSE held.open_until END,
    probing_until = NULL
RETURNING {_COLUMNS}
"""  # noqa: S608
_ANSWERED = "DELETE FROM circuit WHERE name = $1 AND coalesce(open_until <= now(), true)"
_PROBE = """
UPDATE circuit SET probing_until = now() + make_interval(secs => $2)
WHERE name = $1 AND open_until <= now() AND coalesce(probing_until <= now(), true)
RETURNING name
"""
_LEAVE = "UPDATE circuit SET probing_until = NULL WHERE name = $1"


class KeptCircuits:
    """Reads and writes the circuits, one statement each. Raises CircuitsAway within half a second."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[str, Circuit]:
        """Return every circuit that failed recently."""
        row = await self._one(_ALL)
        return {name: Circuit(*kept) for name, kept in json.loads(row[0]).items()}

    async def failed(self, name: str, before: int, failures_max: int, open_ms: int) -> Circuit:
        """Counts a failure after at least `before` others, ends the probe, opens the circuit at `failures_max`."""
        row = await self._one(_FAILED, name, before, failures_max, open_ms / 1000)
        return Circuit(row["failures"], row["open_ms"], row["probing_ms"])

    async def answered(self, name: str) -> None:
        """Closes the circuit, unless it was opened in the meantime."""
        await self._one(_ANSWERED, name)

    async def probe(self, name: str, lease_ms: int) -> bool:
        """Try to lease the probe; return whether the lease is ours."""
        return await self._one(_PROBE, name, lease_ms / 1000) is not None

    async def leave(self, name: str) -> None:
        """Ends the lease."""
        await self._one(_LEAVE, name)

    async def _one(self, sql: str, *values: Any) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._database.one(sql, *values)
        except (DatabaseUnavailable, TimeoutError, asyncpg.PostgresError) as error:
            raise CircuitsAway from error
