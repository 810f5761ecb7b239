"""Whether a brand could have issued what was read: a misread field is left to the seller rather than put on the card."""

from __future__ import annotations

from domain.cards.reading import FieldName, ReadField, Reading
from domain.rules.brands import Brand, tidy_number


def is_plausible(known: Brand, read: ReadField) -> bool:
    """Judges number and face value by the brand's rules, and a PIN by whether the brand has any.

    A number that only a code names may belong to a hotline or an article, and other cards carry the same code: it is a
    candidate, which the seller is asked about.
    """
    if read.is_candidate:
        return False
    if read.name is FieldName.NUMBER:
        return known.is_valid(tidy_number(read.value))
    if read.name is FieldName.FACE_VALUE:
        face = Reading((read,), "", 0).face_value()
        least, most = known.face_minor
        return face is not None and face.currency is known.currency and least <= face.amount_minor <= most
    return read.name is not FieldName.PIN or known.pin is not None
