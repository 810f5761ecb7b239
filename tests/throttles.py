"""Limits are counted in the database, which tests share: each starts with none of the tries of those before it."""

from __future__ import annotations

from sqlalchemy import text

from database.session import Database


async def forget_tries(database: Database) -> None:
    """Empties every count."""
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM throttle"))
