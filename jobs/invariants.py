"""The loop that checks what must always hold, of what is recent; everything is checked by a process of its own every few hours."""

from __future__ import annotations

from database.session import Database
from jobs.registry import Job
from services.ops.invariants import OftenChecked

EVERY_S = 300.0


def invariants_job(database: Database) -> Job:
    """Make the loop."""
    return Job("invariants", EVERY_S, OftenChecked(database).look, 1)
