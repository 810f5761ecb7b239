"""One worker process: it takes a name, writes heartbeats, and ends when a person drains it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from bootstrap.build import build_id
from database.session import Database, DatabaseUnavailable
from domain.ops.workers import BEAT_S, QueuesUsed
from jobs.registry import Job
from services.ops.workers import Workers

STANDBY_S = 2.0  # Between two looks of a drained process at whether its drain was lifted.
EACH = 10**9  # A heartbeat is whole: there is never more at once.
_log = structlog.get_logger("workers")


class WorkerProcess:
    """Named worker process. `drained` is set once it must take nothing new and end."""

    def __init__(self, workers: Workers, name: str, queues_used: Callable[[], QueuesUsed]) -> None:
        self.name = name
        self.drained = asyncio.Event()
        self._workers = workers
        self._queues_used = queues_used

    async def beat(self) -> int:
        """Write a heartbeat, and take up a drain. Raises DatabaseUnavailable."""
        if await self._workers.beat(self.name, os.getpid(), self._queues_used()) and not self.drained.is_set():
            _log.warning("worker_draining", worker=self.name)
            self.drained.set()
        return 1

    async def until_drained(self, group: list[asyncio.Task[None]]) -> None:
        """Wait for a drain, and end these loops then: the workers beside them end after them."""
        await self.drained.wait()
        for one in group:
            one.cancel()


@asynccontextmanager
async def worker_process(
    store: Database, kind: str, queues_used: Callable[[], QueuesUsed]
) -> AsyncIterator[WorkerProcess]:
    """Be a worker process of this kind (`cards`, `reading`) for the block; heartbeats continue until everything in it has ended.

    A process whose name is drained waits here until the drain is lifted. Raises DatabaseUnavailable before it begins.
    """
    workers = Workers(store)
    process = WorkerProcess(workers, await _named(workers, kind), queues_used)
    beats = asyncio.create_task(Job("heartbeat", BEAT_S, process.beat, EACH).run(), name="job:heartbeat")
    try:
        yield process
    finally:
        beats.cancel()
        with suppress(asyncio.CancelledError):
            await beats
        with suppress(DatabaseUnavailable):  # Its heartbeats stop all the same.
            await workers.ended(process.name, os.getpid())
        _log.info("worker_ended", worker=process.name, drained=process.drained.is_set())


async def _named(workers: Workers, kind: str) -> str:
    said = False
    while True:
        claim = await workers.claim(kind, socket.gethostname(), os.getpid(), build_id())
        if not claim.drained:
            return claim.name
        if not said:
            _log.warning("worker_is_drained", worker=claim.name, lift="python -m cli workers undrain NAME")
        said = True
        await asyncio.sleep(STANDBY_S)
