"""What a web program needs before it can serve: its database at the schema of this release, and for some of them Temporal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from database.schema import applied, schema_state
from database.session import Database, DatabaseUnavailable
from web.readiness import Ask, Missing

ANSWERS_S = 3.0
_log = structlog.get_logger("ready")


def ready(store: Database, temporal: Client | None = None) -> Ask:
    """Return what asks the database, and Temporal where a client is given."""

    async def ask() -> Missing:
        asked: dict[str, Callable[[], Awaitable[str]]] = {"database": lambda: _database(store)}
        if temporal is not None:
            asked["temporal"] = lambda: _temporal(temporal)
        answers = await asyncio.gather(*(one() for one in asked.values()))
        missing = {name: said for name, said in zip(asked, answers, strict=True) if said}
        if missing.get("database") in ("behind", "ahead"):
            missing["migrations"] = missing.pop("database")
        if missing:
            _log.warning("not_ready", **missing)
        return missing

    return ask


async def _database(store: Database) -> str:
    """What is wrong with it in a word: `unreachable`, `behind` or `ahead` of this release; empty when nothing is."""
    try:
        async with asyncio.timeout(ANSWERS_S):
            async with store.statement() as connection:
                return schema_state(await applied(connection))
    except (DatabaseUnavailable, TimeoutError):
        return "unreachable"


async def _temporal(client: Client) -> str:
    try:
        await client.count_workflows("ExecutionStatus = 'Running'", rpc_timeout=timedelta(seconds=ANSWERS_S))
    except (RPCError, RuntimeError, TimeoutError):
        return "unreachable"
    return ""
