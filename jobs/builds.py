"""Count the open runs of each build: what a deployment of workflow code must still be able to continue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from database.session import Database
from domain.ops.runs import RUN_TYPES
from services.ops import builds

CALL = timedelta(seconds=5)
# How Temporal writes the build of a worker that is not part of a versioned deployment.
UNVERSIONED = "unversioned:"
_log = structlog.get_logger("builds")


class BuildCounter:
    """Asks Temporal's list once for each build that has worked here lately."""

    def __init__(
        self, database: Database, client: Client, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._client = client
        self._now = now

    async def count(self) -> int:
        """Count, and write the counts down; return how many builds answered. Raises DatabaseUnavailable."""
        async with self._database.transaction() as session:
            wanted = await builds.known(session, self._now())
        counted: dict[str, int] = {}
        try:
            for build_id in wanted:
                counted[build_id] = await self._open_runs(build_id)
        except (RPCError, RuntimeError, TimeoutError) as away:
            _log.warning("builds_wait", reason=type(away).__name__)
        async with self._database.transaction() as session:
            await builds.keep(session, counted, self._now())
        return len(counted)

    async def _open_runs(self, build_id: str) -> int:
        types = " OR ".join(f"WorkflowType = '{one.workflow}'" for one in RUN_TYPES.values())
        query = f"({types}) AND ExecutionStatus = 'Running' AND BuildIds = '{UNVERSIONED}{build_id}'"
        return (await self._client.count_workflows(query, rpc_timeout=CALL)).count
