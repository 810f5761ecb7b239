"""What a reader makes of labelled photos, counted by condition: exact, accepted without a person, and wrong though accepted."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from domain.cards.reading import SECRET_FIELDS, SURE, FieldName, ReadField, Reading
from photo_set.acceptance import needs_nobody, taken_of
from photo_set.faces import Printed
from photo_set.folder import Hashed, RealPhoto
from photo_set.photos import LabelledPhoto

CLAIM_BOUNDS = (0.0, 0.5, 0.7, 0.8, SURE, 0.95, 0.98)  # Of a card's least sure field.
SECRET_LENGTH_MIN, SECRET_LENGTH_MAX = 4, 24
PREVIEW_SIDE_MAX = 40  # Pixels: sixteen digits across half of it are 1 pixel each, which nobody can read.
_Z = 1.959964  # 95 %
_NOTHING = ReadField(FieldName.BRAND, "", 0.0, None)


@dataclass(frozen=True)
class Outcome:
    """One photo as a reader read it. `confidence` is that of the least sure of number and PIN; 0 where one is missing.

    `accepted`: no person would look at the card (see `needs_nobody`). `misread`: the fields that the product would put on the card and that
    are not what is printed.
    """

    condition: str
    of_brand: str
    name: str  # Its seed, or the file of a real one.
    exact: bool  # Number and PIN, each character.
    confidence: float
    accepted: bool
    brand: bool
    face_value: bool
    expiry: bool
    misread: tuple[FieldName, ...] = ()
    claimed: tuple[
        float, ...
    ] = ()  # How sure the reader is of each of these fields, of a card that has number and PIN.
    values: tuple[tuple[str, str], ...] = ()  # Number and PIN of an invented card, as printed and as read.
    preview: bytes = b""  # Of a real photo that was read wrongly: a JPEG too small to read.

    @property
    def wrong(self) -> bool:
        """A field was accepted that is not what is printed."""
        return self.accepted and bool(self.misread)

    @property
    def secrets_accepted(self) -> bool:
        """No person would look at number and PIN, were they all that a card has."""
        return self.confidence >= SURE

    @property
    def secrets_wrong(self) -> bool:
        """Number and PIN were accepted and are not what is printed."""
        return self.secrets_accepted and not self.exact


@dataclass(frozen=True)
class Accepted:
    """Of so many photos, those that need no person, and of these the wrong ones."""

    photos: int
    accepted: int
    wrong: int

    @property
    def coverage(self) -> float:
        """Return the share of photos that need no person."""
        return self.accepted / max(1, self.photos)

    @property
    def precision_at_least(self) -> float:
        """Return the lower end of the 95 % interval of how many accepted readings are right (Wilson; 0 of n wrong: 1 - 3/n)."""
        return lower_bound(self.accepted - self.wrong, self.accepted)


@dataclass(frozen=True)
class Claimed:
    """Cards whose least sure field is about as sure: the mean of that field, of the product of all fields, and cards whose fields are all right.

    Where `right` / `cards` is at least `least`, the least sure field does not promise too much for the whole card.
    """

    cards: int
    least: float
    product: float
    right: int


@dataclass(frozen=True)
class Counts:
    """Photos of one condition or of all: those with number and PIN exact, with each other field exact, and accepted ones.

    `whole` is accepted by the product's rule: number, PIN, face value and expiry by the policies. `secrets` asks only whether number and
    PIN are 0.9 sure, as all figures did before.
    """

    photos: int
    exact: int
    brand: int
    face_value: int
    expiry: int
    whole: Accepted
    secrets: Accepted

    def share(self, of: int) -> float:
        """Return a count as a share of the photos."""
        return of / max(1, self.photos)

    @property
    def exact_share(self) -> float:
        """Return the share of photos whose number and PIN were read exactly."""
        return self.share(self.exact)


def outcome(photo: LabelledPhoto | RealPhoto, reading: Reading) -> Outcome:
    """Compare a reading with what is printed."""
    read = {one.name: one for one in reading.fields}
    printed = photo.printed
    secrets = {name: read.get(name) for name in (FieldName.NUMBER, FieldName.PIN) if printed.has(name)}
    exact = all(one is not None and printed.is_printed(name, one.value) for name, one in secrets.items())
    taken = taken_of(reading, printed.brand)
    misread = tuple(name for name, one in taken.items() if not _is_so(printed, name, one))
    claimed = tuple(one.confidence for one in taken.values()) if secrets.keys() <= taken.keys() else ()
    return Outcome(
        photo.condition, printed.brand, photo.name, exact, _confidence(secrets.values()), needs_nobody(reading, printed.brand),
        read.get(FieldName.BRAND, _NOTHING).value == printed.brand,
        _is_so(printed, FieldName.FACE_VALUE, read.get(FieldName.FACE_VALUE)),
        _is_so(printed, FieldName.EXPIRY, read.get(FieldName.EXPIRY)), misread, claimed, _values(photo, secrets),
        b"" if exact and not misread else _preview(photo),
    )  # fmt: skip


def beyond(photo: LabelledPhoto | RealPhoto, reading: Reading, place: int) -> Outcome:
    """Return the outcome of a reading for which there is no card in the photo: wrong, as sure as its least sure number or PIN."""
    secrets = [one for one in reading.fields if one.name in SECRET_FIELDS]
    values = () if isinstance(photo, RealPhoto) else tuple(("", one.value) for one in secrets)
    name, brand = f"{photo.name}/beyond {place}", photo.printed.brand
    taken = taken_of(reading, brand)
    accepted, misread = needs_nobody(reading, brand), tuple(taken)
    claimed = tuple(one.confidence for one in taken.values()) if FieldName.NUMBER in taken else ()
    return Outcome(
        photo.condition,
        brand,
        name,
        False,
        _confidence(secrets),
        accepted,
        False,
        False,
        False,
        misread,
        claimed,
        values,
    )


def _confidence(secrets: Iterable[ReadField | None]) -> float:
    return min((0.0 if one is None else one.confidence for one in secrets), default=0.0)


def _is_so(printed: Printed | Hashed, name: FieldName, read: ReadField | None) -> bool:
    """Whether a field is read as it is printed; empty fields of a label are not compared."""
    if name in SECRET_FIELDS:
        return read is not None and (printed.is_printed(name, read.value) or not printed.has(name))
    wanted = printed.face_value if name is FieldName.FACE_VALUE else printed.expiry
    return wanted == "" or (None if read is None else read.value) == wanted


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
    many = len(outcomes)
    whole = Accepted(many, sum(one.accepted for one in outcomes), sum(one.wrong for one in outcomes))
    secrets = Accepted(many, sum(one.secrets_accepted for one in outcomes), sum(one.secrets_wrong for one in outcomes))
    return Counts(
        many, sum(one.exact for one in outcomes), sum(one.brand for one in outcomes),
        sum(one.face_value for one in outcomes), sum(one.expiry for one in outcomes), whole, secrets,
    )  # fmt: skip


def claims(outcomes: Iterable[Outcome], bounds: Sequence[float] = CLAIM_BOUNDS) -> list[Claimed]:
    """Compare how sure a card's fields are with whether all of them are right, by the least sure field: from each bound up to the next."""
    found = []
    complete = [one for one in outcomes if one.claimed]
    for low, high in pairwise((*bounds, math.inf)):
        alike = [one for one in complete if low <= min(one.claimed) < high]
        if many := len(alike):
            least = math.fsum(min(one.claimed) for one in alike) / many
            product = math.fsum(math.prod(one.claimed) for one in alike) / many
            found.append(Claimed(many, least, product, sum(not one.misread for one in alike)))
    return found


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
