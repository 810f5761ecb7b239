"""Days that a page of the books is asked for: one after the other, or all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Query

from database.reads.finance.account_pages import FIRST_DAY, LAST_DAY

DayQuery = Annotated[str, Query(max_length=10)]
ID_MAX = 2**63 - 1


@dataclass(frozen=True)
class Days:
    """The first and the last day, both included; as typed, and whether what was typed is no day."""

    since: date
    until: date
    since_typed: str
    until_typed: str
    wrong: bool

    @property
    def any(self) -> bool:
        """Return whether a day was given."""
        return bool(self.since_typed or self.until_typed)


def days_of(since: str, until: str) -> Days:
    """Read two days written as 2026-11-30; an empty one leaves that side open, one that is no day is ignored and said."""
    first, last = _day(since), _day(until)
    wrong = (first is None and bool(since)) or (last is None and bool(until))
    found = (first or FIRST_DAY, last or LAST_DAY)
    return Days(*found, since, until, wrong or found[0] > found[1])


def id_of(text: str, otherwise: int) -> int:
    """Read an id of a page's link; anything else gives `otherwise`."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else otherwise
    return found if 0 < found <= ID_MAX else otherwise


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
