"""What the connections of a test's database are doing, and how they outlive the test."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from database.session import Database

BACK_WITHIN_S = 5


async def running_statements(database: Database, sql: str) -> int:
    """Return how many connections to this server run exactly this statement."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query = :sql AND state = 'active'"
    async with database.transaction() as session:
        return int((await session.execute(text(asked), {"sql": sql})).scalar_one())


async def at_rest(database: Database) -> None:
    """Keep the pool's connections for the next test once all have come back; close them all if one has not.

    A new connection costs PostgreSQL a process, and every statement another plan.
    """
    for _ in range(BACK_WITHIN_S * 100):
        if not database.engine.pool.checkedout():  # type: ignore[attr-defined]
            return
        await asyncio.sleep(0.01)
    await database.dispose()
