"""Months of the books: a closed one never changes, and what is learnt of it later counts for the open one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from enum import StrEnum


class ClosingState(StrEnum):
    """What became of asking for a month to be closed."""

    ASKED = "asked"  # It waits for a second person.
    AGREED = "agreed"  # The month is closed.
    WITHDRAWN = "withdrawn"  # A colleague took it back; it can be asked for again.


def month_of(day: date) -> str:
    """Return the month of a day, e.g. 2026-11."""
    return f"{day:%Y-%m}"


def first_day(month: str) -> date:
    """Return the first day of a month such as 2026-11. Raises ValueError for anything else."""
    year, _, number = month.partition("-")
    if len(year) != 4 or len(number) != 2 or not (year + number).isascii():
        raise ValueError("a month is written as 2026-11")
    return date(int(year), int(number), 1)


def next_month(month: str) -> str:
    """Return the month after this one."""
    return month_of(first_day(month) + timedelta(days=32))


def last_day(month: str) -> date:
    """Return the last day of a month such as 2026-11. Raises ValueError for anything else."""
    return first_day(next_month(month)) - timedelta(days=1)


def open_day(happened_on: date, closed: Collection[str]) -> date:
    """Return the day that a fact counts for: its own, or the first day after the latest closed month.

    A closed month closes all before it: its balances are the sums of everything up to its end.
    """
    latest = max(closed, default="")
    return happened_on if month_of(happened_on) > latest else first_day(next_month(latest))
