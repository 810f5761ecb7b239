"""What was entered into the search: an id, an ending, a payment reference, or a card number, which is never searched for."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from domain.finance.statements import StatementSource
from domain.identifiers import ALPHABET, order_key_of
from domain.rules.brands import catalogue
from domain.typed import plain

CHARACTERS_MIN, CHARACTERS_MAX = 2, 120
TAIL_CHARACTERS = 4
# From ten digits on a card number may be meant; a payment reference of the gateway has at least twenty-four.
NUMBER_DIGITS_MIN, REFERENCE_DIGITS_MIN = 10, 24
_ID = re.compile(f"[{ALPHABET}]{{26}}")
_ENDING = re.compile(f"[{ALPHABET}]{{{TAIL_CHARACTERS},26}}")
_TAIL = re.compile(f"[0-9A-Z]{{{TAIL_CHARACTERS}}}")  # Numbers of cards have letters that ids do not have.
_ENTRY = re.compile("[0-9]{2,9}")
_LINE = re.compile(rf"(?:{'|'.join(StatementSource)})-[0-9A-Za-z.:_]{{1,40}}-[0-9A-Za-z.:_]{{1,64}}")  # `line_id`
_PREFIXES = ("CARD:", "SELLER:", "PARTNER:", "PERSON:")
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−·•.,、，。:/\\|_*#'\"()<>\[\]]")
_DIGITS = re.compile(r"(?:[0-9][\s\-‐‑‒–—―−·•.,、，。:/\\|_*#'\"()<>\[\]]*)+")


@dataclass(frozen=True)
class SearchTerms:
    """What was typed, as it is compared: `words` for names and titles, the others empty unless it looks like one.

    `id` is a whole id, `ending` the last characters of one, `tail` those of a card's number, `key` a payment order's own key, `reference`
    the gateway's or what a statement names, `line` the id of a
    statement's line, `entry` the number of an entry of the books.
    """

    words: str
    id: str = ""
    ending: str = ""
    tail: str = ""
    key: str = ""
    reference: str = ""
    line: str = ""
    entry: int = 0

    @property
    def loggable(self) -> bool:
        """Whether the words may be kept on record: an id may, digits that could be a telephone's or a card's may not."""
        return bool(self.id or self.key) or sum(one.isdigit() for one in self.words) <= TAIL_CHARACTERS


def search_terms(typed: str) -> SearchTerms:
    """Return what `typed` may name; the shortest that is compared has two characters."""
    words = _usual(typed)[:CHARACTERS_MAX]
    bare = words.upper()
    for prefix in _PREFIXES:
        bare = bare.removeprefix(prefix)
    key = order_key_of(words) or ""
    return SearchTerms(
        words=words,
        id=bare if _ID.fullmatch(bare) else "",
        ending=bare if _ENDING.fullmatch(bare) else "",
        tail=bare if _TAIL.fullmatch(bare) else "",
        key=key,
        reference="" if key else words,
        line=words if _LINE.fullmatch(words) else "",
        entry=int(words) if _ENTRY.fullmatch(words) else 0,
    )


def is_card_number(typed: str) -> bool:
    """Return whether `typed` holds a whole card number, however it is grouped, or anything as long as one.

    An id, a payment order's key, a statement line's and a gateway's reference are none. A telephone number must be distinguished by the caller.
    """
    words = _usual(typed)
    found = search_terms(typed)
    if found.id or found.key or found.line:
        return False
    runs = (_SEPARATORS.sub("", run) for run in _DIGITS.findall(words))
    if any(NUMBER_DIGITS_MIN <= len(run) < REFERENCE_DIGITS_MIN for run in runs):
        return True
    bare = _SEPARATORS.sub("", words).upper()
    return any(one.isdigit() for one in bare) and any(brand.matches_pattern(bare) for brand in catalogue().values())


def _usual(typed: str) -> str:
    """Full-width digits and those of other scripts as a keyboard's, without control characters or marks."""
    shown = (one for one in plain(typed) if unicodedata.category(one) not in ("Cc", "Mn", "Me"))
    return "".join(str(unicodedata.digit(one)) if one.isdecimal() else one for one in shown).strip()
