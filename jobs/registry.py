"""The loops of one process: each with its interval, and with its health in a word to the log.

A loop that fails ends neither itself nor what runs beside it: cards depend on the process that they share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge

from database.session import DatabaseUnavailable
from domain.backoff import wait_before
from domain.errors.faults import kind_and_place
from services.ops.loops import LoopSeen

FAILED_PAUSE_S_MAX = 30.0
# Cards share their process with some forty loops: each rests so many times as long as its look took. A look takes long where
# the process is busy, and the loops leave it to the cards then.
REST, REST_S_MAX = 20, 3.0
LAG = Gauge("cardloop_loop_lag_seconds", "Time since a look of the loop last ended well.", ("loop",))
INTERVAL = Gauge("cardloop_loop_interval_seconds", "Time between two looks when there is nothing to do.", ("loop",))
TOOK = Gauge("cardloop_loop_look_seconds", "Time that the newest look took.", ("loop",))
LOOKS = Counter("cardloop_loop_looks", "Looks of the loop by outcome: done, waited, failed.", ("loop", "outcome"))
_log = structlog.get_logger()


@dataclass
class Health:
    """How a loop fares: when it last ended well (monotonic seconds), what that look took, and its failures in a row."""

    ended_s: float = field(default_factory=time.monotonic)
    took_ms: float = 0.0
    failures: int = 0

    def lag_s(self) -> float:
        """Return for how long no look has ended well."""
        return time.monotonic() - self.ended_s


@dataclass(frozen=True)
class Job:
    """One loop. `once` does what is due and returns how much it did; `full` or more means that there may be more at once."""

    name: str
    interval_s: float
    once: Callable[[], Awaitable[int]]
    full: int
    health: Health = field(default_factory=Health)

    async def run(self) -> None:
        """Repeat until cancelled: at once while batches are full, else after the interval, or later in a busy process.

        An outage of the database is logged and waited out: the work is in the database. Any other failure is logged by
        its kind and place, and the pause doubles with each failure in a row, up to FAILED_PAUSE_S_MAX.
        """
        while True:
            if not await self._look():
                await asyncio.sleep(self.pause_s())

    def pause_s(self) -> float:
        """Return how long to wait before the next look, where nothing more is due at once."""
        once, most = timedelta(seconds=2 * self.interval_s), timedelta(seconds=FAILED_PAUSE_S_MAX)
        failed_s = wait_before(once, most, self.health.failures).total_seconds() if self.health.failures else 0
        return max(self.interval_s, failed_s, min(REST_S_MAX, REST * self.health.took_ms / 1000))

    def measure(self) -> None:
        """Let this process's metrics tell how the job fares."""
        health = self.health
        LAG.labels(self.name).set_function(health.lag_s)
        TOOK.labels(self.name).set_function(lambda: health.took_ms / 1000)
        INTERVAL.labels(self.name).set(self.interval_s)

    async def _look(self) -> bool:
        """Look once; return whether there may be more at once."""
        started = time.monotonic()
        try:
            found = await self.once()
        except DatabaseUnavailable as away:
            LOOKS.labels(self.name, "waited").inc()
            _log.warning("loop_waits", loop=self.name, reason=str(away))
            return False
        except Exception as error:  # noqa: BLE001  # All cards depend on the process that this loop shares with the workers.
            self.health.failures += 1
            LOOKS.labels(self.name, "failed").inc()
            _log.error("loop_failed", loop=self.name, reason=kind_and_place(error), in_a_row=self.health.failures)
            return False
        ended = time.monotonic()
        self.health.ended_s, self.health.took_ms, self.health.failures = ended, (ended - started) * 1000, 0
        LOOKS.labels(self.name, "done").inc()
        return found >= self.full


class Registry:
    """The jobs of one process, by name."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = {job.name: job for job in jobs}
        if len(self.jobs) != len(jobs):
            raise ValueError("two jobs have one name")
        for job in jobs:
            job.measure()

    def seen(self) -> list[LoopSeen]:
        """Return how each loop fares at this moment."""
        return [
            LoopSeen(job.name, job.interval_s, job.health.lag_s(), job.health.took_ms, job.health.failures)
            for job in self.jobs.values()
        ]

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start every job in the group, which ends them by its own end; return their tasks."""
        return [group.create_task(job.run(), name=f"job:{job.name}") for job in self.jobs.values()]
