"""Whether Temporal's server keeps the rate of a task queue, and where it does not, which tasks the workers hold themselves.

Every worker goes by the windows in the database, so that all of them hold and resume together.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from database.reads.ops.providers import open_windows, server_keeps_rates
from database.session import Database, DatabaseUnavailable
from domain.errors.people import TooManyTries
from domain.ops.providers import Provider
from jobs.maintenance import CALL, IDENTITY, limits_of
from services.ops import watch
from services.ops.maintenance import window_of
from services.people.rate_limit import Throttle

LOOK_S = 1.0  # For so long what the database said is believed without asking it again.
AGAIN, AGAIN_MS = timedelta(seconds=2), 3_000  # A held task is given out again after two to five seconds.


async def keeps_rates(client: Client) -> bool:
    """Ask whether the server offers the rate of a task queue, by a change that changes nothing. Raises RPCError."""
    request = UpdateTaskQueueConfigRequest(
        namespace=client.namespace, identity=IDENTITY, task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    )
    try:
        await client.workflow_service.update_task_queue_config(request, timeout=CALL)
    except RPCError as refused:
        if refused.status is RPCStatusCode.UNIMPLEMENTED:
            return False
        if refused.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
    return True


class RatesOffered:
    """Keeps for every process, and for the pages, whether the server keeps rates."""

    def __init__(
        self, database: Database, client: Client, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._client = client
        self._now = now

    async def look(self) -> int:
        """Ask the server and write its answer down; return 1. Raises RPCError, DatabaseUnavailable."""
        offered = await keeps_rates(self._client)
        async with self._database.transaction() as session:
            await watch.ended(session, watch.Look.RATES, {"offered": offered}, self._now())
        return 1


class HeldCalls:
    """Holds tasks of queues whose provider is in maintenance, as the server's rates would. `usual_per_s` as for these."""

    def __init__(
        self,
        database: Database,
        usual_per_s: Callable[[Provider], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._usual_per_s = usual_per_s
        self._clock = clock
        self._looked_s = float("-inf")
        self._limits: Mapping[str, float] = {}
        self._throttles: dict[int, Throttle] = {}

    async def wait(self, queue: str) -> timedelta | None:
        """Return how long a task of this queue must wait; None when it may begin.

        While the database is away, what it said last holds.
        """
        if self._clock() - self._looked_s > LOOK_S:
            await self._look()
        rate = self._limits.get(queue)
        if rate is None or (rate > 0 and await self._has_room(queue, rate)):
            return None
        return AGAIN + timedelta(milliseconds=secrets.randbelow(AGAIN_MS))  # Not all at the same moment.

    async def _look(self) -> None:
        self._looked_s = self._clock()
        try:
            async with self._database.transaction() as session:
                self._limits = await self._found(session)
        except DatabaseUnavailable:
            return

    async def _found(self, session: AsyncSession) -> Mapping[str, float]:
        if await server_keeps_rates(session):
            return {}
        windows = [window_of(row) for row in await open_windows(session)]
        return {queue: rate for queue, (rate, _) in limits_of(windows, self._usual_per_s).items() if rate is not None}

    async def _has_room(self, queue: str, rate: float) -> bool:
        """Count one call of all workers together against the rate."""
        per_s = max(1, int(rate))
        throttle = self._throttles.setdefault(per_s, Throttle(self._database, f"{per_s}/second"))
        try:
            await throttle.hit("held_calls", queue)
        except (TooManyTries, DatabaseUnavailable):
            return False
        return True
