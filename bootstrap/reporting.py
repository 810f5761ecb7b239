"""How every worker process reports failed attempts."""

from __future__ import annotations

import os
import socket

from activities.attempts import AttemptReporter
from bootstrap.build import build_id
from database.session import Database
from jobs.registry import Job
from services.ops.attempts import Attempts
from services.ops.calls import ProviderCallCounts

WRITE_S, CALLS_S = 0.5, 1.0
ANY = 100_000  # One write takes everything: there is never more at once.


def reporter(attempts: Attempts) -> AttemptReporter:
    """Return the interceptor of this process's workers."""
    return AttemptReporter(attempts, build_id(), process_name())


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
