"""Whether a person would have to look at what was read of a card, by the product's own rules and the policies in force."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.cards.reading import FieldName, ReadField, Reading, confidence_bp
from domain.places import business_day
from domain.rules.brands import catalogue
from domain.rules.plausible import is_plausible
from domain.rules.reading import LIMITED, sure_from_bp


def taken_of(reading: Reading, brand: str) -> dict[FieldName, ReadField]:
    """Return the fields that the product would put on a card of the brand whose seller typed nothing."""
    known = catalogue().get(brand)
    if known is None:
        return {}
    return {one.name: one for one in reading.fields if one.name in LIMITED and is_plausible(known, one)}


def needs_nobody(reading: Reading, brand: str) -> bool:
    """Return whether the card is complete and every field of it is as sure as the policies ask.

    A face value or a day that was not read is the seller's to type, and asks no reviewer.
    """
    taken, known, today = taken_of(reading, brand), catalogue().get(brand), business_day(datetime.now(UTC))
    if known is None or FieldName.NUMBER not in taken or (known.pin is not None and FieldName.PIN not in taken):
        return False
    return all(_bp(one) >= sure_from_bp(brand, name, today) for name, one in taken.items())


def _bp(read: ReadField) -> int:
    return confidence_bp({"confidence": read.confidence})
