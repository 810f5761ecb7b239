"""What calls to a provider come to: how many, how many failed, and how long they took. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

SLOT = timedelta(seconds=10)
# Upper bounds of the classes of latency, ms; a call that takes longer is in one more class.
BOUNDS_MS = (5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 30_000)
CLASSES = len(BOUNDS_MS) + 1


class CallEnd(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"  # An answer too: the provider works.
    FAILED = "failed"
    TIMEOUT = "timeout"  # Failed, because no answer came in time.


def class_of(latency_ms: int) -> int:
    """Return the class of latency that a call is counted in."""
    return bisect.bisect_left(BOUNDS_MS, latency_ms)


def slot_of(moment: datetime) -> datetime:
    """Return the beginning of the ten seconds around a moment."""
    return moment.replace(second=moment.second - moment.second % 10, microsecond=0)


@dataclass(frozen=True)
class Tally:
    """What some calls came to. Cost in fen; `latency` counts them by class."""

    calls: int
    failed: int
    timeouts: int
    refused: int
    cost_fen: int
    latency: tuple[int, ...]

    @property
    def success_percent(self) -> float | None:
        """Return the share of calls with an answer; None without calls."""
        return 100 * (self.calls - self.failed) / self.calls if self.calls else None

    def percentile_ms(self, share: float) -> int | None:
        """Return the latency that `share` (0 to 1) of the calls do not exceed, as the bound of its class; None without calls."""
        return percentile_ms(self.latency, share)


NO_CALLS = Tally(0, 0, 0, 0, 0, (0,) * CLASSES)


def percentile_ms(latency: Sequence[int], share: float) -> int | None:
    """Return the bound of the class in which that share of the calls is reached; the last class has the bound before it."""
    wanted, reached = share * sum(latency), 0
    for place, count in enumerate(latency):
        reached += count
        if count and reached >= wanted:
            return BOUNDS_MS[min(place, len(BOUNDS_MS) - 1)]
    return None


def added(one: Tally, other: Tally) -> Tally:
    """Return both together."""
    return Tally(
        one.calls + other.calls, one.failed + other.failed, one.timeouts + other.timeouts, one.refused + other.refused,
        one.cost_fen + other.cost_fen, tuple(map(sum, zip(one.latency, other.latency, strict=True))),
    )  # fmt: skip
