"""The mark in an address at which a page of a list in order of time begins."""

from __future__ import annotations

from datetime import datetime


def mark_of(at: datetime, identifier: str) -> str:
    """Return the mark of a row: its time and its id."""
    return f"{at.isoformat()}~{identifier}"


def place_of(mark: str) -> tuple[datetime, str] | None:
    """Return the time and id of a mark; None for an empty one, which is the first page, and for one that was not ours."""
    at, _, identifier = mark.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, identifier) if moment.tzinfo is not None and identifier else None
