"""What a reader makes of labelled photos, counted by condition: exact, accepted without a person, and wrong though accepted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.cards.reading import FieldName, Reading
from photo_set.faces import Printed
from photo_set.photos import LabelledPhoto

SURE = 0.9  # From this confidence on no person looks at a field; the assessment's own limit.
_Z = 1.959964  # 95 %


@dataclass(frozen=True)
class Outcome:
    """One photo as a reader read it. `confidence` is that of the least sure of number and PIN; 0 where one is missing."""

    condition: str
    seed: int
    exact: bool  # Number and PIN, each character.
    confidence: float
    brand: bool
    face_value: bool
    expiry: bool
    seconds: float
    values: tuple[
        tuple[str, str], ...
    ] = ()  # Number and PIN, each as printed and as read. Invented: they belong to nobody.

    @property
    def accepted(self) -> bool:
        """No person would look at number and PIN."""
        return self.confidence >= SURE

    @property
    def wrong(self) -> bool:
        """It was accepted and is not what is printed."""
        return self.accepted and not self.exact


@dataclass(frozen=True)
class Counts:
    """Photos of one condition or of all."""

    photos: int
    exact: int
    accepted: int
    wrong: int

    @property
    def exact_share(self) -> float:
        """Return the share of photos read exactly."""
        return self.exact / max(1, self.photos)

    @property
    def coverage(self) -> float:
        """Return the share of photos that need no person."""
        return self.accepted / max(1, self.photos)

    @property
    def precision_at_least(self) -> float:
        """Return the lower end of the 95 % interval of how many accepted readings are right (Wilson; 0 of n wrong: 1 - 3/n)."""
        return lower_bound(self.accepted - self.wrong, self.accepted)


def outcome(photo: LabelledPhoto, reading: Reading, seconds: float) -> Outcome:
    """Compare a reading with what is printed."""
    read = {one.name: one for one in reading.fields}
    wanted = {FieldName.NUMBER: photo.printed.number, FieldName.PIN: photo.printed.pin}
    secrets = [(read.get(name), value) for name, value in wanted.items() if value is not None]
    exact = all(field is not None and field.value == value for field, value in secrets)
    confidence = min((0.0 if field is None else field.confidence for field, _ in secrets), default=0.0)
    expiry = read.get(FieldName.EXPIRY)
    return Outcome(
        photo.condition, photo.seed, exact, confidence, _is(read.get(FieldName.BRAND), photo.printed.brand),
        _is(read.get(FieldName.FACE_VALUE), photo.printed.face_value),
        (None if expiry is None else expiry.value) == photo.printed.expiry, seconds,
        tuple((value, "" if field is None else field.value) for field, value in secrets),
    )  # fmt: skip


def is_among(printed: Printed, texts: Iterable[str]) -> bool:
    """Return whether a line holds the number and one the PIN, letter case, spaces and dashes aside: all that a bare engine is asked."""
    plain = [re.sub(r"[^0-9A-Z]", "", text.upper()) for text in texts]
    wanted = [value for value in (printed.number, printed.pin) if value is not None]
    return all(any(value in text for text in plain) for value in wanted)


def counted(outcomes: Sequence[Outcome]) -> Counts:
    """Count outcomes."""
    return Counts(
        len(outcomes),
        sum(one.exact for one in outcomes),
        sum(one.accepted for one in outcomes),
        sum(one.wrong for one in outcomes),
    )


def by_condition(outcomes: Sequence[Outcome]) -> dict[str, Counts]:
    """Count outcomes by condition, in the order in which they come."""
    conditions = dict.fromkeys(one.condition for one in outcomes)
    return {name: counted([one for one in outcomes if one.condition == name]) for name in conditions}


def lower_bound(right: int, of: int) -> float:
    """Return the lower end of Wilson's 95 % interval for a share of `right` in `of`; 0 for none."""
    if of == 0:
        return 0.0
    share = right / of
    middle = share + _Z**2 / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return (middle - spread) / (1 + _Z**2 / of)


def _is(read: object, wanted: str) -> bool:
    return getattr(read, "value", None) == wanted
