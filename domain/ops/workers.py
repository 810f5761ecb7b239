"""Worker processes as the operations desk knows them: their states, and how long their tasks waited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

BEAT_S = 2.0
# A process that has not written for so long counts as lost, whatever it wrote last.
LOST_AFTER = timedelta(seconds=10)
WHY_MAX = 200


class WorkerState(StrEnum):
    """What a worker process does, by the age of its last heartbeat and never by what it says of itself."""

    WORKING = "working"
    DRAINING = "draining"  # It takes nothing new and finishes what runs.
    DRAINED = "drained"  # It has ended, and is not started again before the drain is lifted.
    STOPPED = "stopped"  # It ended when it was asked to.
    LOST = "lost"  # It has not written for LOST_AFTER.


def worker_name(kind: str, host: str, number: int = 1) -> str:
    """Return the name of the process of that number on a host."""
    return f"{kind}@{host}" if number == 1 else f"{kind}@{host}-{number}"


def state_of(beat_at: datetime, ended_at: datetime | None, drain_at: datetime | None, now: datetime) -> WorkerState:
    """Return a process's state from its row."""
    if ended_at is not None:
        return WorkerState.DRAINED if drain_at is not None else WorkerState.STOPPED
    if now - beat_at > LOST_AFTER:
        return WorkerState.LOST
    return WorkerState.WORKING if drain_at is None else WorkerState.DRAINING


# Upper bounds of the classes that waits are counted in, seconds; a last class holds what waited longer.
WAIT_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
AT_ONCE_S = 0.1  # A worker that was waiting is given a task within this time.


@dataclass(frozen=True)
class Waits:
    """How long tasks of one queue waited from their scheduling to their start: a count per class of WAIT_BOUNDS."""

    counts: tuple[int, ...] = (0,) * (len(WAIT_BOUNDS) + 1)

    def and_also(self, others: Sequence[int]) -> Waits:
        """Return the sum with another worker's counts; counts of another length are not ours and are left out."""
        if len(others) != len(self.counts):
            return self
        return Waits(tuple(one + other for one, other in zip(self.counts, others, strict=True)))

    @property
    def total(self) -> int:
        """The number of tasks."""
        return sum(self.counts)

    def share_at_once(self) -> float | None:
        """Return the share of tasks that a waiting worker was given at once, 0 to 1; None without a task."""
        taken = sum(count for bound, count in zip(WAIT_BOUNDS, self.counts, strict=False) if bound <= AT_ONCE_S)
        return taken / self.total if self.total else None

    def quantile_s(self, share: float) -> float | None:
        """Return the seconds within which that share of tasks started: a class's upper bound; None without a task."""
        seen = 0
        for bound, count in zip((*WAIT_BOUNDS, float("inf")), self.counts, strict=True):
            seen += count
            if self.total and seen >= share * self.total:
                return bound
        return None


@dataclass(frozen=True)
class QueueUse:
    """What one worker does for one queue, of one kind (`workflow` or `activity`): slots, and the waits it saw lately."""

    used: int
    slots: int
    waits: tuple[int, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as a row holds it."""
        return {"used": self.used, "slots": self.slots, "waits": list(self.waits)}


# Task queue → kind → use.
QueuesUsed = Mapping[str, Mapping[str, QueueUse]]
