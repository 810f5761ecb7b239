"""What the connections of a test's database are doing."""

from __future__ import annotations

from sqlalchemy import text

from database.session import Database


async def running_statements(database: Database, sql: str) -> int:
    """Return how many connections to this server run exactly this statement."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query = :sql AND state = 'active'"
    async with database.transaction() as session:
        return int((await session.execute(text(asked), {"sql": sql})).scalar_one())
