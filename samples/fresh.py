"""Draw a photo of a card that was never submitted: a random number that its brand could have issued."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.errors.cards import BrandUnknown, FaceValueInvalid
from domain.money import Money
from domain.rules.brand_document import Check
from domain.rules.brands import Brand, brand
from samples.make import compressed, described, drawn

LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # Without I and O, which print like 1 and 0.
# The two characters before the check digit by which the simulators answer for cards that are not registered: see
# simulators/book.py. A fresh card keeps off them, so that a till that has not heard of it takes it for a good one.
_TELLING = re.compile("9[0-6]")
_SIZE = re.compile(r"([0-9A-Z]*)\[([^]]+)\]\{([0-9]+)\}")  # `81[0-9]{14}`: what it begins with, of what, how many.
YEARS_VALID = 2


class NotIssued(ValueError):
    """There is no such brand, or it issues no card of that face value."""


@dataclass(frozen=True)
class FreshCard:
    """A card as it is printed, and `jpeg`, its photo. Number and PIN were made up just now and belong to nobody."""

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


def fresh_card(brand_code: str, face_minor: int, dice: random.Random | None = None) -> FreshCard:
    """Makes and photographs a card; `face_minor` is in minor units of the brand's currency.

    Raises NotIssued for what no brand issues.
    """
    chance = dice or random.SystemRandom()
    try:
        known = brand(brand_code)
        face = known.require_face_value(Money(face_minor, known.currency))
    except (BrandUnknown, FaceValueInvalid):
        raise NotIssued(f"no {brand_code} card of {face_minor} minor units is issued") from None
    number, pin = number_of(known, chance), _run(known.pin, chance) if known.pin else None
    expiry = None if brand_code == "amazon-us" else date(datetime.now(UTC).year + YEARS_VALID, 12, 31)
    printed: dict[str, Any] = {
        "brand": brand_code, "number": number, "pin": pin, "face_value_minor": face_minor, "currency": known.currency,
        "expiry": expiry.isoformat() if expiry else None, "scene": _scene(chance),
    }  # fmt: skip
    width, height = described()["photo_size"]
    return FreshCard(known, number, pin, face, expiry, compressed(drawn(printed, (width, height))))


def number_of(known: Brand, chance: random.Random) -> str:
    """A number that the brand could have issued, check digit included."""
    while True:
        number = _run(known.number, chance)
        if known.check is not Check.NONE:
            calculate = luhn.calc_check_digit if known.check is Check.LUHN else mod_37_36.calc_check_digit
            number = number[:-1] + str(calculate(number[:-1]))
        telling = number[-2:] if known.check is Check.NONE else number[-3:-1]
        if known.is_valid(number) and not _TELLING.fullmatch(telling):
            return number


def _run(pattern: str, chance: random.Random) -> str:
    """A text of the catalogue's pattern; its first drawn character is no zero, which a reader of print may lose."""
    shape = _SIZE.fullmatch(pattern)
    if shape is None:
        raise ValueError(f"{pattern} is no beginning, character class and count")
    begins, of, count = shape.groups()
    letters = LETTERS if "A-Z" in of else LETTERS[:10]
    rest = "".join(chance.choice(letters) for _ in range(int(count) - 1))
    return f"{begins}{chance.choice(letters[1:])}{rest}"


def _scene(chance: random.Random) -> dict[str, Any]:
    """A table, and one of the ways in which the sample cards lie on it."""
    lying = [card["scene"]["corners"] for card in described()["cards"] if card["brand"]]
    table = chance.choice(["wood", "stone", "cloth"])
    return {"table": table, "corners": chance.choice(lying), "seed": chance.randrange(2**31), "shadow": 0.25}
