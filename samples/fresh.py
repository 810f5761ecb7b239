"""Draw a photo of a card that was never submitted: a random number that its brand could have issued."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.errors.cards import BrandUnknown, FaceValueInvalid
from domain.money import Money
from domain.policies.document import BUILT_IN_NUMBER, PolicyDocument
from domain.rules.brand_document import Check
from domain.rules.brands import KIND, Brand, brand, brands_of
from samples.make import compressed, described, drawn

LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # Without I and O, which print like 1 and 0.
# The two characters before the check digit by which the simulators answer for cards that are not registered: see
# simulators/book.py. A fresh card keeps off them, so that a till that has not heard of it takes it for a good one.
_TELLING = re.compile("9[0-6]")
# `81[0-9]{14}`: characters and classes, each with how many; patterns with choices inside are not drawn.
_PART = re.compile(r"(\[[^]\\]+\]|\\d|[0-9A-Za-z])(?:\{([0-9]{1,2})\})?")
YEARS_VALID = 2
TRIES_MAX = 10_000


class NotIssued(ValueError):
    """There is no such brand, it issues no card of that face value, or its numbers cannot be made up."""


@dataclass(frozen=True)
class FreshCard:
    """A card as it is printed, and `jpeg`, its photo. Number and PIN are generated and belong to no one."""

    brand: Brand
    number: str
    pin: str | None
    face: Money
    expiry: date | None
    jpeg: bytes = field(repr=False)

    @property
    def file_name(self) -> str:
        """`jd-500-7Q2K.jpg`"""
        return f"{self.brand.code}-{self.face.amount_minor // 100}-{self.number[-4:]}.jpg"


def fresh_card(
    brand_code: str,
    face_minor: int,
    dice: random.Random | None = None,
    announced: Sequence[Mapping[str, Any]] = (),
) -> FreshCard:
    """Makes and photographs a card; `face_minor` is in minor units of the brand's currency.

    `announced` are the entries of a published catalogue, in place of the built-in one. Raises NotIssued for what no
    brand issues.
    """
    chance = dice or random.SystemRandom()
    try:
        known = brands_of(_document(announced))[brand_code] if announced else brand(brand_code)
        face = known.require_face_value(Money(face_minor, known.currency))
    except (BrandUnknown, FaceValueInvalid, KeyError, ValueError):
        raise NotIssued(f"no {brand_code} card of {face_minor} minor units is issued") from None
    number, pin = number_of(known, chance), run_of(known.pin, chance) if known.pin else None
    expiry = None if brand_code == "amazon-us" else date(datetime.now(UTC).year + YEARS_VALID, 12, 31)
    printed: dict[str, Any] = {
        "brand": brand_code, "number": number, "pin": pin, "face_value_minor": face_minor, "currency": known.currency,
        "expiry": expiry.isoformat() if expiry else None, "scene": _scene(chance),
    }  # fmt: skip
    width, height = described()["photo_size"]
    return FreshCard(known, number, pin, face, expiry, compressed(drawn(printed, (width, height), known)))


def number_of(known: Brand, chance: random.Random) -> str:
    """A number that the brand could have issued, check digit included. Raises NotIssued for rules that none is found by."""
    for _ in range(TRIES_MAX):
        number = run_of(known.number, chance)
        if known.check is not Check.NONE:
            calculate = luhn.calc_check_digit if known.check is Check.LUHN else mod_37_36.calc_check_digit
            number = number[:-1] + str(calculate(number[:-1]))
        telling = number[-2:] if known.check is Check.NONE else number[-3:-1]
        if known.is_valid(number) and not _TELLING.fullmatch(telling):
            return number
    raise NotIssued(f"no number of {known.code} was found by its rules")


def run_of(pattern: str, chance: random.Random) -> str:
    """A text of the catalogue's pattern; it begins with no zero where it may, which a reader of print may lose.

    Raises NotIssued for a pattern that has more to it than characters, classes and counts.
    """
    parts, place = [], 0
    while place < len(pattern):
        part = _PART.match(pattern, place)
        letters = "" if part is None else "".join(one for one in LETTERS if re.fullmatch(part[1], one))
        if part is None or not letters:
            raise NotIssued(f"{pattern} is more than characters, classes and counts")
        parts += [letters] * int(part[2] or 1)
        place = part.end()
    drawn_from = [letters.lstrip("0") or letters if index == 0 else letters for index, letters in enumerate(parts)]
    return "".join(chance.choice(letters) for letters in drawn_from)


def _scene(chance: random.Random) -> dict[str, Any]:
    """A table, and one of the ways in which the sample cards lie on it."""
    lying = [card["scene"]["corners"] for card in described()["cards"] if card["brand"]]
    table = chance.choice(["wood", "stone", "cloth"])
    return {"table": table, "corners": chance.choice(lying), "seed": chance.randrange(2**31), "shadow": 0.25}


def _document(announced: Sequence[Mapping[str, Any]]) -> PolicyDocument:
    return PolicyDocument(KIND.code, BUILT_IN_NUMBER, "announced", date.min, {"brands": announced})
