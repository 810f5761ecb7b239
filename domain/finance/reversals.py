"""Decisions of finance that two people reverse: which, and from which day on a reversal can count."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum

from domain.finance.periods import open_day

REVERSED = "decision_reversed"  # The step of its posting.


class ReversalOf(StrEnum):
    """What is reversed."""

    BREAK = "break"  # A decision on a break: the break is open again.
    CLEARING = "clearing"  # The clearing of money in suspense: it returns to suspense.


class NotReversed(StrEnum):
    """Why a decision cannot be reversed."""

    STATE = "state"  # It is not carried out, or was reversed before.
    AUTOMATIC = "automatic"  # No person decided it.
    CLEARED = "cleared"  # What it posted to suspense was cleared, or a colleague has proposed to.
    CHANGED = "changed"  # What it linked belongs to something else by now.


def first_open(own: date, closed_months: Collection[str], closed_until: date | None) -> date:
    """Return the day that a reversal counts for: the decision's own, or the first after closed months and closed days."""
    day = own if closed_until is None else max(own, closed_until + timedelta(days=1))
    return open_day(day, closed_months)


def reversal_key(posted_key: str) -> str:
    """Return the ledger's key of the reversal of what a decision posted."""
    return f"{posted_key}:reversed"
