"""Which readings speak of a card: a photo may show another card beside it, or another card alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from database.sealed import values_of
from database.tables.cards import ReadingRow
from domain.cards.reading import FieldName
from domain.rules.brands import Brand, tidy_number
from domain.rules.number_check import is_nearly
from domain.sealing import KeyRing


def of_card(
    looks: Iterable[Sequence[ReadingRow]], keyring: KeyRing, known: Brand, number: str | None
) -> list[ReadingRow]:
    """Return the reading of each photo that speaks of the card with this number (secret); of photos of other cards none.

    `looks` are the latest readings of each photo, one for each card that it shows. Of several the one counts whose number is this
    one, else the only one that is nearly this one: a character of it was misread. A photo of one card shows another card if its
    number is one of the brand's and far from this one, while another photo shows this one.
    """
    by_photo = list(looks)
    read = {row.id: number_of(keyring, row) for rows in by_photo for row in rows}
    shown = number is not None and number in read.values()
    found = (_of_photo(rows, read, number or "", known, shown=shown) for rows in by_photo)
    return [row for row in found if row is not None]


def number_of(keyring: KeyRing, reading: ReadingRow) -> str:
    """Return the number that was read, tidied: secret. Empty where none was."""
    return tidy_number(values_of(keyring, reading).get(FieldName.NUMBER.value) or "")


def _of_photo(
    rows: Sequence[ReadingRow], read: Mapping[str, str], number: str, known: Brand, *, shown: bool
) -> ReadingRow | None:
    near = [row for row in rows if read[row.id] and is_nearly(read[row.id], number)]
    if len(rows) == 1:
        another = shown and not near and known.is_valid(read[rows[0].id])
        return None if another else rows[0]
    same = [row for row in near if read[row.id] == number]
    chosen = same or near
    return chosen[0] if len(chosen) == 1 else None
