"""Which readings speak of a card: a photo may show another card beside it, or another card alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from database.sealed import fields_of
from database.tables.cards import ReadingRow
from domain.cards.reading import FieldName
from domain.rules.brands import Brand, tidy_number
from domain.rules.whose_reading import of_number
from domain.sealing import KeyRing

ReadAs = tuple[FieldName, str, Mapping[str, Any]]  # Name, value (secret), and what is kept beside it.


def of_card(
    looks: Iterable[Sequence[ReadingRow]], numbers: Mapping[str, str], known: Brand, number: str | None
) -> list[ReadingRow]:
    """Return the readings that speak of the card with this number (secret), in the order of the looks; of photos of other cards none.

    `looks` are the readings of one photo at one moment, one for each card that it shows, `numbers` what `numbers_in` them is. Of several
    those count that `of_number` finds; without a number none. A photo of one card shows another card if its number is one of the
    brand's and far from this one, while another photo shows this one.
    """
    shown = number is not None and number in numbers.values()
    return [row for rows in looks for row in _of_photo(rows, numbers, number or "", known, shown=shown)]


def numbers_in(keyring: KeyRing, readings: Iterable[ReadingRow]) -> dict[str, str]:
    """Return the number of each reading by its id: secret."""
    return {row.id: number_of(keyring, row) for row in readings}


def number_of(keyring: KeyRing, reading: ReadingRow) -> str:
    """Return the number that was read, tidied: secret. Empty where none was."""
    return number_among(fields_of(keyring, reading))


def number_among(read: Iterable[ReadAs]) -> str:
    """Return the number among the fields of a reading, tidied: secret. Empty where none was read."""
    return next((tidy_number(value) for name, value, _ in read if name is FieldName.NUMBER), "")


def _of_photo(
    rows: Sequence[ReadingRow], read: Mapping[str, str], number: str, known: Brand, *, shown: bool
) -> Sequence[ReadingRow]:
    own = [rows[at] for at in of_number([read[row.id] for row in rows], number)]
    if len(rows) > 1 or own:
        return own
    return [] if shown and known.is_valid(read[rows[0].id]) else rows
