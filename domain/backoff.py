"""Calculate how long to wait before the next attempt."""

from __future__ import annotations

from datetime import timedelta

DOUBLINGS_MAX = 30  # Far beyond every longest wait, and no number too large for a timedelta.


def wait_before(first: timedelta, longest: timedelta, failures: int) -> timedelta:
    """Return `first` after one failure (or none), twice as long after each further one, `longest` at most."""
    wait: timedelta = min(longest, first * 2 ** min(max(0, failures - 1), DOUBLINGS_MAX))
    return wait
