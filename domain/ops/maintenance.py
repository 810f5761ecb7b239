"""Maintenance of a provider as a window: planned, drained, held, and resumed by degrees. Pure; all moments are UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

REASON_MAX = 300
LONGEST = timedelta(days=31)
AHEAD = timedelta(days=366)


class WindowState(StrEnum):
    """Where a window of maintenance is."""

    PLANNED = "planned"  # Begins automatically.
    DRAINING = "draining"  # No call begins; those that run may end.
    HELD = "held"  # No call runs.
    RESUMING = "resuming"  # Calls begin again, `share` percent of the usual rate.
    ENDED = "ended"
    CANCELLED = "cancelled"  # Before it began.


ACTIVE = (WindowState.DRAINING, WindowState.HELD, WindowState.RESUMING)  # The provider's calls are held or limited.
OPEN = (WindowState.PLANNED, *ACTIVE)
HOLDING = (WindowState.DRAINING, WindowState.HELD)


class Why(StrEnum):
    """Why a window changed."""

    PERSON = "person"
    TIME = "time"  # Its planned moment, or the end of a stage.
    DRAINED = "drained"  # The last call ended.
    OVERDUE_CALLS = "overdue_calls"  # Calls did not end within DRAINED_BY.
    ERRORS = "errors"  # The provider failed while it was resumed.
    END_CHANGED = "end_changed"  # A person gave it another end.


SHARES = (1, 10, 100)  # Percent of the usual rate, one stage after the other.
STAGE = {1: timedelta(seconds=60), 10: timedelta(seconds=60), 100: timedelta(minutes=2)}
SETTLES = timedelta(seconds=3)  # A call that was on its way when the queue was held has begun by then.
DRAINED_BY = timedelta(seconds=60)  # Longer than the longest call.
TRIED_AGAIN = timedelta(minutes=2)  # After a resumption that failed at its first stage.
FAILURES_MIN, FAILURE_PERCENT_MAX = 3, 20
SLOWEST_PER_S = 1.0  # A lower rate leaves the first card without a call for a quarter of a minute.


@dataclass(frozen=True)
class Window:
    """One window; `brand` is empty for all of the provider. `next_at` is when it changes automatically; None: not before a person acts."""

    id: str
    provider: str
    brand: str
    reason: str
    starts_at: datetime
    ends_at: datetime | None
    state: WindowState
    share: int
    since: datetime  # Of its state and share.
    next_at: datetime | None

    def overlaps(self, starts_at: datetime, ends_at: datetime | None) -> bool:
        """Return whether another window would share a moment with this one; an end is no part of a window."""
        begins_before_end = ends_at is None or self.starts_at < ends_at
        return begins_before_end and (self.ends_at is None or starts_at < self.ends_at)


@dataclass(frozen=True)
class Observed:
    """What is seen of a provider since a window's state began: calls that run, calls that ended, and how many of those failed."""

    running: int
    calls: int
    failed: int

    @property
    def failing(self) -> bool:
        """Whether too many calls failed to let more begin."""
        return self.failed >= FAILURES_MIN and self.failed * 100 > self.calls * FAILURE_PERCENT_MAX


@dataclass(frozen=True)
class Moved:
    """A window after one step, and why it took it."""

    window: Window
    why: Why


def stepped(window: Window, seen: Observed, now: datetime) -> Moved | None:
    """Return the window after the step that is due; None while none is."""
    due = window.next_at is not None and window.next_at <= now
    if window.state is WindowState.PLANNED:
        return Moved(held_from(window, now), Why.TIME) if due else None
    if window.state is WindowState.DRAINING:
        return _drained(window, seen, now)
    if window.state is WindowState.HELD:
        return Moved(resumed(window, SHARES[0], now), Why.TIME) if due else None
    if window.state is WindowState.RESUMING:
        if seen.failing:
            return Moved(_taken_back(window, now), Why.ERRORS)
        return Moved(_further(window, now), Why.TIME) if due else None
    return None


def held_from(window: Window, now: datetime) -> Window:
    """Return the window with its calls held from now on."""
    return _at(window, WindowState.DRAINING, 0, now, now + SETTLES)


def resumed(window: Window, share: int, now: datetime) -> Window:
    """Return the window at a stage of its resumption."""
    return _at(window, WindowState.RESUMING, share, now, now + STAGE[share])


def closed(window: Window, now: datetime) -> Window:
    """Return the window ended, or cancelled where it had not begun."""
    state = WindowState.CANCELLED if window.state is WindowState.PLANNED else WindowState.ENDED
    return _at(window, state, 100, now, None)


def with_end(window: Window, ends_at: datetime | None) -> Window:
    """Return a planned or holding window with another end; None: until a person ends it. Its state does not change."""
    next_at = ends_at if window.state is WindowState.HELD else window.next_at
    return replace(window, ends_at=ends_at, next_at=next_at)


def rate_of(window: Window, usual_per_s: float) -> float | None:
    """Return the calls a second that the window leaves; None: as many as usual."""
    if window.state in HOLDING:
        return 0.0
    if window.state is WindowState.RESUMING and window.share < SHARES[-1]:
        return min(usual_per_s, max(SLOWEST_PER_S, usual_per_s * window.share / 100))
    return None


def _drained(window: Window, seen: Observed, now: datetime) -> Moved | None:
    if now - window.since < SETTLES or (seen.running and now - window.since < DRAINED_BY):
        return None
    why = Why.OVERDUE_CALLS if seen.running else Why.DRAINED
    return Moved(_at(window, WindowState.HELD, 0, now, window.ends_at), why)


def _further(window: Window, now: datetime) -> Window:
    place = SHARES.index(window.share) + 1
    return resumed(window, SHARES[place], now) if place < len(SHARES) else closed(window, now)


def _taken_back(window: Window, now: datetime) -> Window:
    """One stage back; from the first one held again, and tried again later."""
    place = SHARES.index(window.share)
    if place:
        return resumed(window, SHARES[place - 1], now)
    return _at(window, WindowState.HELD, 0, now, now + TRIED_AGAIN)


def _at(window: Window, state: WindowState, share: int, now: datetime, next_at: datetime | None) -> Window:
    return replace(window, state=state, share=share, since=now, next_at=next_at)
