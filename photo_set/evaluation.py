"""What a reader makes of labelled photos, counted by condition: exact, accepted without a person, and wrong though accepted."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from domain.cards.reading import SECRET_FIELDS, SURE, FieldName, ReadField, Reading
from photo_set.faces import Printed
from photo_set.folder import Hashed, RealPhoto
from photo_set.photos import LabelledPhoto

SECRET_LENGTH_MIN, SECRET_LENGTH_MAX = 4, 24
PREVIEW_SIDE_MAX = 40  # Pixels: sixteen digits across half of it are 1 pixel each, which nobody can read.
_Z = 1.959964  # 95 %


@dataclass(frozen=True)
class Outcome:
    """One photo as a reader read it. `confidence` is that of the least sure of number and PIN; 0 where one is missing."""

    condition: str
    of_brand: str
    name: str  # Its seed, or the file of a real one.
    exact: bool  # Number and PIN, each character.
    confidence: float
    brand: bool
    face_value: bool
    expiry: bool
    values: tuple[tuple[str, str], ...] = ()  # Number and PIN of an invented card, as printed and as read.
    preview: bytes = b""  # Of a real photo that was read wrongly: a JPEG too small to read.

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


def outcome(photo: LabelledPhoto | RealPhoto, reading: Reading) -> Outcome:
    """Compare a reading with what is printed."""
    read = {one.name: one for one in reading.fields}
    printed = photo.printed
    secrets = {name: read.get(name) for name in (FieldName.NUMBER, FieldName.PIN) if printed.has(name)}
    exact = all(one is not None and printed.is_printed(name, one.value) for name, one in secrets.items())
    confidence = min((0.0 if one is None else one.confidence for one in secrets.values()), default=0.0)
    expiry = read.get(FieldName.EXPIRY)
    return Outcome(
        photo.condition, printed.brand, photo.name, exact, confidence, _is(read.get(FieldName.BRAND), printed.brand),
        not printed.face_value or _is(read.get(FieldName.FACE_VALUE), printed.face_value),
        (None if expiry is None else expiry.value) == (printed.expiry or None), _values(photo, secrets),
        b"" if exact else _preview(photo),
    )  # fmt: skip


def beyond(photo: LabelledPhoto | RealPhoto, reading: Reading, place: int) -> Outcome:
    """Return the outcome of a reading for which there is no card in the photo: wrong, as sure as its least sure number or PIN."""
    secrets = [one for one in reading.fields if one.name in SECRET_FIELDS]
    confidence = min((one.confidence for one in secrets), default=0.0)
    values = () if isinstance(photo, RealPhoto) else tuple(("", one.value) for one in secrets)
    name = f"{photo.name}/beyond {place}"
    return Outcome(photo.condition, photo.printed.brand, name, False, confidence, False, False, False, values)


def _values(
    photo: LabelledPhoto | RealPhoto, secrets: Mapping[FieldName, ReadField | None]
) -> tuple[tuple[str, str], ...]:
    """Number and PIN, printed and read, of invented cards alone."""
    if isinstance(photo, RealPhoto):
        return ()
    known = {FieldName.NUMBER: photo.printed.number, FieldName.PIN: photo.printed.pin or ""}
    return tuple((known[name], "" if one is None else one.value) for name, one in secrets.items())


def _preview(photo: LabelledPhoto | RealPhoto) -> bytes:
    """A real photo so small that nobody can read it: light, angle and damage can be seen."""
    if not isinstance(photo, RealPhoto):
        return b""  # An invented card is drawn again from its seed.
    try:
        with Image.open(io.BytesIO(photo.jpeg)) as picture:
            small = picture.convert("RGB")
    except OSError:
        return b""
    small.thumbnail((PREVIEW_SIDE_MAX, PREVIEW_SIDE_MAX))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()


def is_among(printed: Printed | Hashed, texts: Iterable[str]) -> bool:
    """Return whether a line holds the number and one the PIN, letter case, spaces and dashes aside: all that a bare engine is asked."""
    plain = [re.sub(r"[^0-9A-Z]", "", text.upper()) for text in texts]
    parts = {
        text[start : start + length]
        for text in plain
        for length in range(SECRET_LENGTH_MIN, min(SECRET_LENGTH_MAX, len(text)) + 1)
        for start in range(len(text) - length + 1)
    }
    wanted = [name for name in (FieldName.NUMBER, FieldName.PIN) if printed.has(name)]
    return all(any(printed.is_printed(name, part) for part in parts) for name in wanted)


def counted(outcomes: Sequence[Outcome]) -> Counts:
    """Count outcomes."""
    return Counts(
        len(outcomes),
        sum(one.exact for one in outcomes),
        sum(one.accepted for one in outcomes),
        sum(one.wrong for one in outcomes),
    )


def by_brand(outcomes: Sequence[Outcome]) -> dict[str, Counts]:
    """Count outcomes by brand, by its code."""
    brands = sorted({one.of_brand for one in outcomes})
    return {name: counted([one for one in outcomes if one.of_brand == name]) for name in brands}


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
