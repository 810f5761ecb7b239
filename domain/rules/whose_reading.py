"""Which of several readings of one photo speak of a card: the photo may show other cards beside it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.cards.reading import FieldName, Reading
from domain.rules.brands import tidy_number
from domain.rules.number_check import is_nearly


def of_number(numbers: Sequence[str], number: str) -> tuple[int, ...]:
    """Return the places of the readings that speak of the card with this number; `numbers` are what they read, tidied: secret.

    Those that have the number itself, all of them: a card lies beside its receipt. Else the only one that nearly has it: a character
    was misread. Where several nearly have it or none does, no reading is known to be this card's.
    """
    near = tuple(at for at, one in enumerate(numbers) if one and is_nearly(one, number))
    same = tuple(at for at in near if numbers[at] == number)
    return same or (near if len(near) == 1 else ())


def number_read(reading: Reading) -> str:
    """Return the number that a reading has, tidied: secret. Empty where it has none."""
    found = reading.field(FieldName.NUMBER)
    return "" if found is None else tidy_number(found.value)
