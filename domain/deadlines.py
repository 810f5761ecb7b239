"""By when a person must have decided: policies as data, working time, and clocks that stand while others have the card."""

from __future__ import annotations

from enum import StrEnum


class ClockOwner(StrEnum):
    """Whose time it is."""

    REVIEWER = "reviewer"  # A reviewer is to decide.
    CHECKER = "checker"  # The second pair of eyes is to check.
    SENIOR = "senior"  # It was escalated.
    SELLER = "seller"  # The seller was asked for an item.
    OUTLET = "outlet"  # A store or outlet was asked to check.
    MACHINE = "machine"  # The platform asks and prices anew.


RUNNING = frozenset({ClockOwner.REVIEWER, ClockOwner.CHECKER, ClockOwner.SENIOR})
