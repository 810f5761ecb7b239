"""Brings a database to the newest schema; safe to start twice at once, and to start again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from database.locks import AdvisoryLock, acquire
from database.session import async_url

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(url: str) -> None:
    """Applies every migration that is missing. Blocks; may be called with or without a running event loop.

    Raises what PostgreSQL raises: SQLAlchemy's DBAPIError, or OSError when it cannot be reached.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrate") as thread:
        thread.submit(asyncio.run, _upgrade(url)).result()


async def _upgrade(url: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await acquire(connection, AdvisoryLock.MIGRATION)
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for our migrations on an open connection."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def _run(connection: Connection) -> None:
    command.upgrade(configuration(connection), "head")
