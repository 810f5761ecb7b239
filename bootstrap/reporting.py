"""How every process reports to the operations desk: failed attempts, and how its loops fare."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from activities.attempts import AttemptReporter
from bootstrap.build import build_id
from database.session import Database
from jobs.registry import Job, Registry
from services.ops.attempts import Attempts
from services.ops.loops import LoopReport

WRITE_S = 0.5
LOOPS_S = 10.0
ANY = 100_000  # One write takes everything: there is never more at once.


def reporter(attempts: Attempts) -> AttemptReporter:
    """Return the interceptor of this process's workers."""
    return AttemptReporter(attempts, build_id(), f"{os.getpid()}@{socket.gethostname()}")


def attempts_job(attempts: Attempts) -> Job:
    """Return the loop that writes down what was reported."""
    return Job("attempts", WRITE_S, attempts.write, ANY)


def reported(store: Database, program: str, jobs: Sequence[Job]) -> Registry:
    """Return the loops of this process, with one that writes down how they fare; `program` is e.g. `console`."""
    process = f"{program} {os.getpid()}@{socket.gethostname()}"
    report = LoopReport(store, process, lambda: registry.seen())
    registry = Registry([*jobs, Job("loops", LOOPS_S, report.write, ANY)])
    return registry
