"""Brings a database to the newest schema; safe to start twice at once, and to start again."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

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


@functools.cache
def newest() -> str:
    """Return the revision that this release brings a database to."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


async def applied(connection: AsyncConnection) -> str | None:
    """Return the revision that a database is at; None when it was never migrated."""
    if (await connection.execute(text("SELECT to_regclass('alembic_version')"))).scalar_one() is None:
        return None
    found: str | None = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
    return found


def schema_state(version: str | None) -> str:
    """Compare a database's revision with this release's: empty when they are the same, else `behind` or `ahead`."""
    if version == newest():
        return ""
    known = {one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    return "behind" if version is None or version in known else "ahead"


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for our migrations on an open connection."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def _run(connection: Connection) -> None:
    command.upgrade(configuration(connection), "head")
