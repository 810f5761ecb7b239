"""Check a number against its brand's rule, character by character, without giving hidden characters away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36

from domain.rules.brand_document import Check
from domain.rules.brands import Brand

MISREAD_CHARACTERS_MAX = 2  # Two numbers that differ in so few characters are the same number, one misread.
CLEAR_CHARACTERS = 4  # What a masked number shows of itself anyway.
_TOKEN = re.compile(r"(\[[^\]]+\]|.)(?:\{([0-9]+)\})?")


@dataclass(frozen=True)
class Place:
    """One place of a number. `shown` is its character, None while it is hidden; `holds`: the rule allows this character.

    `agrees` is whether the other spelling (what was read, or typed) has the same there; None without another.
    """

    shown: str | None = field(repr=False)
    holds: bool
    agrees: bool | None = None


@dataclass(frozen=True)
class NumberCheck:
    """What the rule says of one number. `prefix` is the fixed beginning of the brand's numbers, empty for none.

    `check_found` and `check_expected` are the check character, None for brands without one and for numbers that it
    cannot be worked out for. They are in the last four, which are never hidden.
    """

    places: tuple[Place, ...]
    length: int
    length_expected: int
    alphabet_holds: bool
    prefix: str
    prefix_holds: bool
    check: Check
    check_found: str | None
    check_expected: str | None

    @property
    def length_holds(self) -> bool:
        """Neither too short nor too long."""
        return self.length == self.length_expected

    @property
    def check_holds(self) -> bool:
        """The last character is what the others make it; true for brands without a check character."""
        return self.check is Check.NONE or (self.check_found is not None and self.check_found == self.check_expected)

    @property
    def holds(self) -> bool:
        """The brand could have issued it."""
        return self.length_holds and self.alphabet_holds and self.prefix_holds and self.check_holds


def checked(brand: Brand, number: str, *, clear: bool, other: str | None = None) -> NumberCheck:
    """Compare the number with its rule; `clear` shows every character, else only the last four. `other` is compared with it."""
    alphabets = alphabets_of(brand.number)
    prefix = "".join(one for one in _leading(alphabets))
    holds = [place < len(alphabets) and one in alphabets[place] for place, one in enumerate(number)]
    hidden = 0 if clear else max(0, len(number) - CLEAR_CHARACTERS)
    places = tuple(
        Place(None if place < hidden else one, holds[place], None if other is None else other[place : place + 1] == one)
        for place, one in enumerate(number)
    )
    body = holds[len(prefix) : len(alphabets)]
    return NumberCheck(
        places=places,
        length=len(number),
        length_expected=len(alphabets),
        alphabet_holds=all(body),
        prefix=prefix,
        prefix_holds=number.startswith(prefix),
        check=brand.check,
        check_found=None if brand.check is Check.NONE else number[-1:] or None,
        check_expected=expected_check(brand.check, number[:-1]),
    )


def expected_check(check: Check, body: str) -> str | None:
    """Compute the check character that belongs behind `body`; None when there is none or the body has foreign characters."""
    try:
        if check is Check.LUHN:
            return str(luhn.calc_check_digit(body))
        return str(mod_37_36.calc_check_digit(body)) if check is Check.ISO7064_MOD37_36 else None
    except (ValidationError, ValueError, IndexError):  # A character that the method has no value for.
        return None


def alphabets_of(pattern: str) -> tuple[str, ...]:
    """Return the characters that each place of a brand's pattern allows, e.g. `JD[0-9A-Z]{14}`."""
    places: list[str] = []
    for token, times in _TOKEN.findall(pattern):
        places += [_alphabet(token)] * int(times or 1)
    return tuple(places)


def _alphabet(token: str) -> str:
    if not token.startswith("["):
        return str(token)
    return "".join(one for one in map(chr, range(33, 127)) if re.fullmatch(token, one))


def _leading(alphabets: tuple[str, ...]) -> list[str]:
    """The first places that allow one character only."""
    found: list[str] = []
    for alphabet in alphabets:
        if len(alphabet) != 1:
            break
        found.append(alphabet)
    return found


def is_nearly(number: str, other: str) -> bool:
    """Return whether two tidied numbers are the same but for characters that may be misread."""
    differing = sum(one != another for one, another in zip(number, other, strict=False))
    return len(number) == len(other) and differing <= MISREAD_CHARACTERS_MAX
