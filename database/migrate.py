"""Brings a database to the newest schema; safe to start twice at once, and to start again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from database import direct
from database.schema import MIGRATIONS, newest

if TYPE_CHECKING:
    from sqlalchemy import Connection


def upgrade(url: str) -> None:
    """Applies every migration that is missing. Blocks; may be called with or without a running event loop.

    Raises what PostgreSQL raises: SQLAlchemy's DBAPIError, or OSError when it cannot be reached.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrate") as thread:
        thread.submit(asyncio.run, _upgrade(url)).result()


async def _upgrade(url: str) -> None:
    try:
        if await direct.value(url, "SELECT version_num FROM alembic_version") == newest():
            return
    except direct.NoAnswer:
        pass  # No such table yet; of a server that does not answer, SQLAlchemy says more.
    await _migrate(url)


async def _migrate(url: str) -> None:
    # Loaded here, for at nearly every start there is nothing to do.
    from sqlalchemy import pool
    from sqlalchemy.ext.asyncio import create_async_engine

    from database.locks import AdvisoryLock, acquire
    from database.session import async_url

    engine = create_async_engine(async_url(url), poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await acquire(connection, AdvisoryLock.MIGRATION)
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
