"""A lease: one person holds something until a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Leased(Protocol):
    """What can be held: a work item, its facts, a second review."""

    @property
    def leased_by(self) -> str | None:
        """Return the person of the last lease."""

    @property
    def leased_until(self) -> datetime | None:
        """Return when that lease ends or ended."""


def holder_of(leased: Leased, now: datetime) -> str | None:
    """Return the person whose lease lasts at this moment; None when it is unclaimed."""
    lasting = leased.leased_until is not None and leased.leased_until > now
    return leased.leased_by if lasting else None
