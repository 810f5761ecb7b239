"""Where each person's claims stopped, so that a burst of them need not walk the same worn beginning of the queue again.

While an old transaction is open, PostgreSQL cannot clear away what left the queue since, and every walk from its very
front passes all of it. People never claim fast enough to notice; a fast claimer continues where they stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.work.kinds import REVIEW
from services.work.claim import Front, Taken

BURST = 5  # So many claims within two seconds are no person's pace.
WINDOW = timedelta(seconds=2)  # What comes to the front of the queue is seen after at most so long.
WALK_EVERY = 200  # And after at most so many claims.


@dataclass
class _Run:
    """One person's claims since `began`; `bursting` when they claimed at no person's pace just before."""

    began: datetime
    bursting: bool = False
    claims: int = 0
    front: Front | None = None

    def covers(self, now: datetime) -> bool:
        return self.began <= now < self.began + WINDOW

    @property
    def burst(self) -> bool:
        return self.bursting or self.claims >= BURST


class ClaimCursors:
    """The last stops of this process. Losing one costs a walk, never a task: an empty walk starts from the front."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], _Run] = {}

    def of(self, person: str, now: datetime, kind: str = REVIEW) -> Front | None:
        """Where to start; None is the very front, which it always is at a person's pace."""
        run = self._runs.get((person, kind))
        if run is None or not run.covers(now) or not run.burst:
            return None
        return None if run.claims % WALK_EVERY == 0 else run.front

    def stopped(self, person: str, now: datetime, taken: Taken, kind: str = REVIEW) -> None:
        """They were given this row. When it came off the queue, and not back to them, nothing before it was for them."""
        run = self._runs.get((person, kind))
        if run is None or not run.covers(now):
            lately = run is not None and run.began <= now < run.began + 2 * WINDOW
            run = self._runs[person, kind] = _Run(now, bursting=lately and run is not None and run.burst)
        run.claims += 1
        if taken.leased_at == now and taken.assigned_to is None:
            run.front = Front(taken.band, taken.order_at, taken.task_id, taken.leased_until)

    def forget(self) -> None:
        """Something came to the front through this very process."""
        self._runs.clear()
