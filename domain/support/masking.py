"""Mask card numbers and PINs in what customers write, before it is stored anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MASK = "•"
KEPT = 4  # The last characters of a masked number stay, so that both sides know which one is meant.
# Of a text with more digits all are masked where a PIN is known: what is masked among thousands of guesses would tell it.
DIGITS_MAX = 150
# As many digits in a row as a card number has, however they are grouped; a telephone number has eleven.
_LONG_NUMBER = re.compile(r"(?<![0-9])(?:[0-9][ \-.]{0,2}){12,}[0-9](?![0-9])")
_INVISIBLE = ("Cf", "Mn", "Me")


@dataclass(frozen=True)
class Masked:
    """Words that can be stored; `found` says whether anything was masked."""

    words: str
    found: bool


def mask_secrets(words: str, numbers: Iterable[str | None] = (), pins: Iterable[str | None] = ()) -> Masked:
    """Mask these numbers and PINs, and every run of digits as long as a card number, however they are written.

    Of a number the last four characters stay, of a PIN none. Letters count in either case.
    """
    plain, secret_pins = _Plain(words), [one for one in pins if one]
    spans = [(start, end, KEPT) for start, end in _runs(plain)]
    if secret_pins and sum(one.isdigit() for one in plain.text) > DIGITS_MAX:
        spans += [(place, place + 1, 0) for one, place in zip(plain.text, plain.at, strict=True) if one.isdigit()]
    for known, kept in ((numbers, KEPT), (secret_pins, 0)):
        for secret in known:
            if secret:
                spans += [(start, end, kept) for start, end in plain.places(secret.upper())]
    return Masked(_masked(words, spans), bool(spans))


class _Plain:
    """The words with each digit of any script as one of a keyboard; `at` is the original place of each character."""

    def __init__(self, words: str) -> None:
        pairs = list(_folded(words))
        self.text = "".join(one for one, _ in pairs)
        self.at = [place for _, place in pairs]
        self._bare = [index for index, one in enumerate(self.text) if one.isalnum()]
        self._bare_text = "".join(self.text[index] for index in self._bare).upper()

    def places(self, secret: str) -> Iterator[tuple[int, int]]:
        """Find this secret in the words, whatever separates its characters."""
        bare = "".join(one for one in secret if one.isalnum())
        start = self._bare_text.find(bare) if bare else -1
        while start >= 0:
            last = start + len(bare) - 1
            yield self.at[self._bare[start]], self.at[self._bare[last]] + 1
            start = self._bare_text.find(bare, start + 1)


def _runs(plain: _Plain) -> Iterator[tuple[int, int]]:
    for match in _LONG_NUMBER.finditer(plain.text):
        yield plain.at[match.start()], plain.at[match.end() - 1] + 1


def _folded(words: str) -> Iterator[tuple[str, int]]:
    for place, one in enumerate(words):
        if unicodedata.category(one) in _INVISIBLE:
            continue
        for folded in unicodedata.normalize("NFKC", one):
            plain = str(unicodedata.digit(folded)) if folded.isdecimal() else folded
            if len(plain) == 1 and len(plain.upper()) == 1:
                yield plain, place


def _masked(words: str, spans: Iterable[tuple[int, int, int]]) -> str:
    made = list(words)
    for start, end, kept in spans:
        inside = [place for place in range(start, end) if words[place].isalnum()]
        for place in inside[: len(inside) - kept] if kept else inside:
            made[place] = MASK
    return "".join(made)
