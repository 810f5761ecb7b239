"""Which readings of a card's photos count: those of each photo's latest look, one for each card that it shows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from database.tables.cards import ReadingRow


def by_look(readings: Iterable[ReadingRow]) -> list[tuple[ReadingRow, ...]]:
    """Return the readings of each look at each photo, one for each card that it shows. All readings of one look have the same moment."""
    found: dict[tuple[str, datetime], list[ReadingRow]] = {}
    for row in sorted(readings, key=lambda one: (one.created_at, one.id)):
        found.setdefault((row.photo_id, row.created_at), []).append(row)
    return [tuple(rows) for rows in found.values()]


def latest_by_photo(readings: Iterable[ReadingRow]) -> dict[str, tuple[ReadingRow, ...]]:
    """Return the readings of each photo's latest look by the photo's id."""
    return {rows[0].photo_id: rows for rows in by_look(readings)}
