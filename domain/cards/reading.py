"""What a card's photograph says: one reading with its fields, where each is in the photo, and how sure the reader is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from domain.money import BASIS_POINTS_PER_ONE, Currency, Money

SURE = 0.9  # From this confidence on a field needs no review.
SURE_OF_BRAND = 0.9  # Below this confidence a brand is a guess from colours or a word of small print.


class FieldName(StrEnum):
    """What can be read off a card."""

    BRAND = "brand"  # Code of the brand printed on it, as the catalogue has it.
    NUMBER = "number"  # Card number or claim code, without spaces. A secret.
    PIN = "pin"  # Password under the scratch strip, without spaces. A secret.
    FACE_VALUE = "face_value"  # `500.00 CNY`
    EXPIRY = "expiry"  # Last valid day, `2027-03-31`.


SECRET_FIELDS = frozenset({FieldName.NUMBER, FieldName.PIN})


SURE_OF_CODE = 0.9  # Below it, a code's number is neither supported by its form nor printed on the card.


class Source(StrEnum):
    """Which reader a field comes from."""

    OCR = "ocr"  # Printed characters.
    BARCODE = "barcode"  # A barcode or QR code.


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the stored photo; `x`, `y` are its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First pixel column to the right of the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First pixel row below the box."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def joined(self, other: Box) -> Box:
        """Return the smallest box that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)


class Reason(StrEnum):
    """What speaks against a number or PIN that was read, besides how sharp its characters are."""

    RULES_BROKEN = "rules_broken"  # It cannot be one of this brand's.
    INVENTED = "invented"  # Its check digit asks for a character that the photo hardly shows.
    REPAIRED = "repaired"  # Characters were changed, which a check digit confirms.
    REPAIRED_UNCHECKED = "repaired_unchecked"  # Characters were changed, and no check digit confirms it.
    SAME_SHAPE = "same_shape"  # O or 0, I or 1, and no check digit to tell.
    BLURRED = "blurred"  # More than one character may be wrong, and a check digit catches only one.
    UNLABELLED_UNCHECKED = (
        "unlabelled_unchecked"  # Right length, but nothing says what it is: a hotline has ten digits too.
    )
    RIVALS = "rivals"  # Without a label, and other print would do as well.
    BY_COLOURS = "by_colours"  # No word names the brand: only the card's colours do, and other cards have them, too.
    UNCALIBRATED = "uncalibrated"  # The scores of this engine with these weights were never measured.


@dataclass(frozen=True)
class Doubt:
    """At a place of a value (from 1) one of these characters may be printed, the likeliest first. A secret, as the value is."""

    place: int
    characters: str = field(repr=False)


@dataclass(frozen=True)
class ReadField:
    """One field as read.

    `confidence` runs from 0 to 1; `box` is None when the place is not known; `alternatives` are whole other values the
    same print could mean (an O for a 0); `labelled` tells that a printed label announced it; `doubts` are the places at which it may differ,
    `reasons` what else speaks against it. The repr of a secret field shows neither its value nor its alternatives.
    """

    name: FieldName
    value: str
    confidence: float
    box: Box | None
    source: Source = Source.OCR
    alternatives: tuple[str, ...] = ()
    labelled: bool = False
    doubts: tuple[Doubt, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def is_candidate(self) -> bool:
        """Only a code names it and nothing supports it: a person may take it, the card does not take it automatically."""
        return self.source is Source.BARCODE and self.confidence < SURE_OF_CODE

    def __repr__(self) -> str:
        shown = "•••" if self.name in SECRET_FIELDS else repr(self.value)
        return (
            f"ReadField({self.name.value}={shown}, confidence={self.confidence:.3f}, "
            f"{self.source.value}, {len(self.alternatives)} alternatives)"
        )

    def at_most(self, confidence: float) -> ReadField:
        """Return the same field, trusted no more than `confidence`."""
        return replace(self, confidence=min(self.confidence, confidence))


@dataclass(frozen=True)
class Reading:
    """All that was read from one photo; no fields when no card is in it.

    `reader` names reader and version, `photo_sha256` (hex) the stored photo that was read, `looks` how it was looked at, in order.
    """

    fields: tuple[ReadField, ...]
    reader: str
    duration_ms: int
    photo_sha256: str = field(default="")
    looks: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """No card was found in the photo."""
        return not self.fields

    def field(self, name: FieldName) -> ReadField | None:
        """Return the field of that name, or None when it was not read."""
        return next((read for read in self.fields if read.name is name), None)

    def face_value(self) -> Money | None:
        """Return the printed face value, or None when it was not read."""
        read = self.field(FieldName.FACE_VALUE)
        return None if read is None else money_from(read.value)

    def expiry(self) -> date | None:
        """Return the last valid day, or None when it was not read."""
        read = self.field(FieldName.EXPIRY)
        return None if read is None else date.fromisoformat(read.value)


def confidence_bp(kept: Mapping[str, Any]) -> int:
    """Return how sure a field of a stored reading is, in basis points; the oldest rows keep it as a share."""
    return int(kept.get("confidence_bp", round(float(kept.get("confidence", 0)) * BASIS_POINTS_PER_ONE)))


def as_read(kept: Mapping[str, Any], value: str) -> ReadField:
    """Return a field of a stored reading as it was read: where it was found decides whether it may be put on a card."""
    source = Source(kept.get("source", Source.OCR))
    return ReadField(FieldName(kept["name"]), value, confidence_bp(kept) / BASIS_POINTS_PER_ONE, None, source=source)


def least_confidence_bp(kept: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the lowest confidence among the fields of stored readings that were put on the card; None without one."""
    return min((confidence_bp(one) for one in kept if one.get("use") == "taken"), default=None)


def money_text(money: Money) -> str:
    """`500.00 CNY`: how a face value is written in a reading."""
    return f"{money.decimal_text()} {money.currency.value}"


def money_from(text: str) -> Money:
    """Parse what `money_text` wrote. Raises ValueError for anything else."""
    amount, _, currency = text.partition(" ")
    return Money.from_decimal_text(amount, Currency(currency))
