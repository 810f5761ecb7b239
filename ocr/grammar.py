"""What may stand at each place of a number or PIN, from the pattern of its brand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from domain.rules.brand_document import Check
from domain.rules.brands import Brand
from ocr.lattice import SYMBOLS

DIGITS = SYMBOLS[:10]
PIN_LENGTH_MAX = 20
_CAUGHT = {Check.NONE: 1.0, Check.LUHN: 10.0, Check.ISO7064_MOD37_36: 36.0}
# `81[0-9]{14}`: characters and classes, each with how many.
_PART = re.compile(r"(\[[^]\\]+\]|\\d|[0-9A-Za-z])(?:\{([0-9]{1,2})\})?")


@dataclass(frozen=True)
class Grammar:
    """`places`: the characters that may stand at each; `holds`: whether a value is valid, check digit included."""

    places: tuple[frozenset[str], ...]
    holds: Callable[[str], bool]
    checked: bool  # A check digit tells most wrong values from right ones.
    caught: float = 1.0  # Of so many values taken at random, one passes the check digit.

    @property
    def letters(self) -> bool:
        """Letters and digits stand at the same place, so that look-alikes can be either."""
        return any("A" in place and "8" in place for place in self.places)


def number_grammar(brand: Brand) -> Grammar:
    """Return the grammar of a brand's numbers; of a pattern with choices inside, only length and rules are known."""
    anything = (frozenset(SYMBOLS if "A-Z" in brand.number else DIGITS),) * sum(brand.group)
    return Grammar(
        _places(brand.number) or anything, brand.is_valid, brand.check is not Check.NONE, _CAUGHT[brand.check]
    )


def pin_grammars(pattern: str) -> tuple[Grammar, ...]:
    """Return the grammars of PINs of this pattern, one for each length that it allows."""
    whole = re.compile(pattern)

    def holds(pin: str) -> bool:
        return whole.fullmatch(pin) is not None

    places = _places(pattern)
    lengths = [length for length in range(1, PIN_LENGTH_MAX + 1) if holds("0" * length)]
    several = [places] if places else [(frozenset(DIGITS),) * length for length in lengths]
    return tuple(Grammar(one, holds, False) for one in several)


@lru_cache(maxsize=256)
def _places(pattern: str) -> tuple[frozenset[str], ...] | None:
    places: list[frozenset[str]] = []
    at = 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            return None
        allowed = frozenset(one for one in SYMBOLS if re.fullmatch(part[1], one))
        places += [allowed] * int(part[2] or 1)
        at = part.end()
    return tuple(places) if places and all(places) else None
