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
FORMS_MAX = 24  # Of one pattern.
# `81[0-9]{14}`: characters and classes, and how often each stands.
_ONE = re.compile(r"\[[^]\\]+\]|\\d|[0-9A-Za-z]")
_REPEATED = re.compile(r"\{([0-9]{1,2})(?:,([0-9]{1,2}))?\}|\?")
Places = tuple[frozenset[str], ...]


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


def number_grammars(brand: Brand) -> tuple[Grammar, ...]:
    """Return the grammars of a brand's numbers, one for each form that its pattern allows; of one that cannot be taken apart, only
    length and rules are known.
    """
    forms = _forms(brand.number) or ((frozenset(SYMBOLS if "A-Z" in brand.number else DIGITS),) * sum(brand.group),)
    checked, caught = brand.check is not Check.NONE, _CAUGHT[brand.check]
    return tuple(Grammar(one, brand.is_valid, checked, caught) for one in forms)


def pin_grammars(pattern: str) -> tuple[Grammar, ...]:
    """Return the grammars of PINs of this pattern, one for each form that it allows."""
    whole = re.compile(pattern)

    def holds(pin: str) -> bool:
        return whole.fullmatch(pin) is not None

    lengths = [length for length in range(1, PIN_LENGTH_MAX + 1) if holds("0" * length)]
    forms = _forms(pattern) or tuple((frozenset(DIGITS),) * length for length in lengths)
    return tuple(Grammar(one, holds, False) for one in forms)


@lru_cache(maxsize=256)
def _forms(pattern: str) -> tuple[Places, ...] | None:
    """The forms that a pattern allows: `(GC|GD)[0-9]{12}|[0-9]{16,17}` has four. None for one with other parts, or too many forms."""
    try:
        forms, at = _choice(pattern, 0)
    except ValueError:
        return None
    known = tuple(dict.fromkeys(one for one in forms if one and all(one)))
    return known if known and at == len(pattern) else None


def _choice(pattern: str, at: int) -> tuple[list[Places], int]:
    """Forms of what stands from `at` up to the end or a closing bracket, and where that is."""
    forms, sequence = list[Places](), [Places()]
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            forms, sequence, at = forms + sequence, [Places()], at + 1
            continue
        part, at = _part(pattern, at)
        least, most, at = _times(pattern, at)
        repeated = [Places()] if least == 0 else list[Places]()
        grown = [Places()]
        for times in range(1, most + 1):
            grown = _joined(grown, part)
            repeated += grown if times >= least else []
        sequence = _joined(sequence, repeated)
    return forms + sequence, at


def _part(pattern: str, at: int) -> tuple[list[Places], int]:
    """Forms of one character, class or bracket, and where it ends."""
    if pattern[at] == "(":
        forms, end = _choice(pattern, at + (3 if pattern.startswith("(?:", at) else 1))
        if not pattern.startswith(")", end):
            raise ValueError(pattern)
        return forms, end + 1
    part = _ONE.match(pattern, at)
    if part is None:
        raise ValueError(pattern)
    return [(frozenset(one for one in SYMBOLS if re.fullmatch(part[0], one)),)], part.end()


def _times(pattern: str, at: int) -> tuple[int, int, int]:
    """How often at least and at most what stands before `at` is repeated, and where that ends."""
    found = _REPEATED.match(pattern, at)
    if found is None:
        return 1, 1, at
    if found[0] == "?":
        return 0, 1, found.end()
    return int(found[1]), int(found[2] or found[1]), found.end()


def _joined(heads: list[Places], tails: list[Places]) -> list[Places]:
    joined = [head + tail for head in heads for tail in tails]
    if len(joined) > FORMS_MAX:
        raise ValueError(len(joined))
    return joined
