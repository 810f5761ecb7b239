"""Which readings of a card's photos count: those of each photo's latest look, one for each card that it shows."""

from __future__ import annotations

from collections.abc import Iterable

from database.tables.cards import ReadingRow


def latest_by_photo(readings: Iterable[ReadingRow]) -> dict[str, tuple[ReadingRow, ...]]:
    """Return the readings of each photo's latest look by the photo's id. All readings of one look have the same moment."""
    found: dict[str, list[ReadingRow]] = {}
    for row in sorted(readings, key=lambda one: (one.created_at, one.id)):
        looked = found.setdefault(row.photo_id, [])
        if looked and looked[0].created_at != row.created_at:
            looked.clear()
        looked.append(row)
    return {photo_id: tuple(rows) for photo_id, rows in found.items()}
