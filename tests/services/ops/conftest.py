"""A database of this folder's own for what is counted over the whole installation: other tests' rows are not in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest_asyncio
from sqlalchemy import text

from database.session import Database
from tests.pools import at_rest

EMPTIED = (
    "alert", "health_reading", "loop_health", "upkeep", "stuck_run", "stuck_cause", "task_queue", "run_watch", "notice",
    "outbox", "set_aside", "ticket_search", "ticket_link", "ticket", "work_item", "payout", "quote", "card", "submission", "person",
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def installation(
    make_migrated: Callable[[str], str], pool_of: Callable[[str], Database], worker: str
) -> AsyncIterator[Database]:
    """An installation in which nothing has happened yet."""
    name = f"cardloop_watch_{worker}"
    if name not in _MADE:
        _MADE[name] = make_migrated(name)
    database = pool_of(_MADE[name])
    async with database.transaction() as session:
        for table in EMPTIED:
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Names of our own.
    yield database
    await at_rest(database)


_MADE: dict[str, str] = {}
