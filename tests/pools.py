"""A pool outlives the test that used it: a new connection must be made, warmed up and told every statement again."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from database.session import Database

COMES_BACK_S = 1.0


async def at_rest(database: Database) -> None:
    """Leave the pool to the next test with every connection in it; when one is not given back, close them all.

    What broke needs no care: the pool hands out no closed connection.
    """
    for _ in range(int(COMES_BACK_S * 100)):
        if not database.engine.pool.checkedout():  # type: ignore[attr-defined]
            return
        await asyncio.sleep(0.01)
    await database.dispose()


async def running_statements(database: Database, sql: str) -> int:
    """Return how many connections to this server run exactly this statement."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query = :sql AND state = 'active'"
    async with database.transaction() as session:
        return int((await session.execute(text(asked), {"sql": sql})).scalar_one())
