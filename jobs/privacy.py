"""Copies of people's data that expired, and files that an erasure left, are erased from the store."""

from __future__ import annotations

from jobs.registry import Job
from services.support.privacy import SWEPT_MAX, Privacy

INTERVAL_S = 600.0


def privacy_job(privacy: Privacy) -> Job:
    """Return the loop."""
    return Job("privacy", INTERVAL_S, privacy.sweep, SWEPT_MAX)
