"""A short way to PostgreSQL for a single statement: no session, no transaction around it, one round trip.

Kept in place of `asyncpg.create_pool`, whose acquire and release cost the benchmark `claim` a fifth (median of three runs in turn: 0.44 against 0.55).
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 10
SETTINGS = {
    "application_name": "cardloop",
    "jit": "off",
    # A claim takes longer to plan than to run, and its plan is the same for everyone.
    "plan_cache_mode": "force_generic_plan",
}


class Statements:
    """At most `size` connections of the driver's own, made when they are needed. `url` is `postgresql://…`."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._room = asyncio.Semaphore(size)
        self._idle: list[Any] = []

    async def one(self, sql: str, *values: Any) -> Any | None:
        """Return the first row of a statement whose values are `$1` …; committed when this returns. None without a row.

        Raises what the driver raises; a connection that broke is thrown away.
        """
        async with self._room:
            connection = await self._connection()
            clean = False
            try:
                row = await connection.fetchrow(sql, *values, timeout=ANSWER_TIMEOUT_S)
                clean = True
            except asyncpg.PostgresError:
                clean = True  # The server has said no, and waits for the next statement.
                raise
            finally:
                # Cut off in the middle, a connection may still be busy: the next statement gets another.
                self._idle.append(connection) if clean else connection.terminate()
        return row

    async def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            await self._idle.pop().close()

    async def _connection(self) -> Any:
        while self._idle:
            idle = self._idle.pop()
            if not idle.is_closed():
                return idle
        return await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_S, server_settings=SETTINGS)
