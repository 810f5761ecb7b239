"""How every process reports to the operations desk: attempts that failed, calls to providers, and how its loops fare."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress

from temporalio.worker import Interceptor

from activities.attempts import AttemptReporter
from activities.counting import AttemptCounter
from bootstrap.build import build_id
from database.session import Database, DatabaseUnavailable
from jobs.registry import Job, Registry
from services.ops.attempts import Attempts
from services.ops.calls import ProviderCallCounts
from services.ops.loops import LoopReport

WRITE_S, CALLS_S, LOOPS_S = 0.5, 1.0, 10.0
ANY = 100_000  # One write takes everything: there is never more at once.


def interceptors_of(attempts: Attempts) -> list[Interceptor]:
    """Return the interceptors of this process's workers: attempts are counted, and failed ones reported."""
    return [AttemptCounter(), AttemptReporter(attempts, build_id(), process_name())]


def process_name() -> str:
    """Return the name by which this process is known to others."""
    return f"{os.getpid()}@{socket.gethostname()}"


def call_counts(store: Database) -> ProviderCallCounts:
    """Return what counts this process's calls to providers."""
    return ProviderCallCounts(store, process_name())


def calls_job(counts: ProviderCallCounts) -> Job:
    """Return the loop that writes down what was counted."""
    return Job("calls", CALLS_S, counts.write, ANY)


def attempts_job(attempts: Attempts) -> Job:
    """Return the loop that writes down what was reported."""
    return Job("attempts", WRITE_S, attempts.write, ANY)


async def last_attempts(attempts: Attempts) -> None:
    """Write what was reported since the loop ended; without a database it is lost, and describing finds it."""
    with suppress(DatabaseUnavailable):
        await attempts.write()


def reported(store: Database, program: str, jobs: Sequence[Job]) -> Registry:
    """Return the loops of this process, with one that writes down how they fare; `program` is e.g. `console`."""
    report = LoopReport(store, f"{program} {process_name()}", lambda: registry.seen())
    registry = Registry([*jobs, Job("loops", LOOPS_S, report.write, ANY)])
    return registry
