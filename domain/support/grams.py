"""What a text is found by: pairs of characters in Chinese, triples in other scripts, each as a number. Pure.

The numbers of a ticket differ by its block, some thousand tickets that were opened one after the other, so that an index
over them is read block by block, the newest first, and stops when a page is full.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from zlib import crc32

BLOCK = 8_192  # Tickets of one block.
STEP = 2_654_435_761  # What the numbers of one block differ by from those of the next.
MASK = 0x7FFF_FFFF  # Numbers fit into four bytes.
LOOKED_UP_MAX = 6  # Grams of one search that the index is asked for; the words are compared whole afterwards.
TERMS_MAX = 8
_MARKS = ("Mn", "Me", "Cf")
_DENSE = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def folded(words: str) -> str:
    """Return the words as they are compared: small letters and digits of the plain forms, everything else one space."""
    plain = (one for one in unicodedata.normalize("NFKD", words.casefold()) if unicodedata.category(one) not in _MARKS)
    return " ".join("".join(one if one.isalnum() else " " for one in plain).casefold().split())


def terms(words: str) -> tuple[str, ...]:
    """Return the parts of what was typed, each of which must be found, without those that another one holds."""
    each = list(dict.fromkeys(folded(words).split()))
    return tuple(one for one in each if not any(one != other and one in other for other in each))[:TERMS_MAX]


def grams(text: str) -> frozenset[int]:
    """Return the numbers by which a folded text is found, before its block is added."""
    return frozenset(_number(gram) for word in text.split() for gram in _of(word))


def looked_up(parts: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers that a text with all these parts must have; none where every part is too short to be looked up.

    A part of two letters or digits is looked up as a word of its own, one of two Chinese characters anywhere.
    """
    each = [tuple(dict.fromkeys(_of(part))) for part in parts]
    turns = [one[place] for place in range(max(map(len, each), default=0)) for one in each if place < len(one)]
    return tuple(map(_number, _spread(turns)))


def in_block(number: int, block: int) -> int:
    """Return a gram's number as it is in the index for the tickets of a block, counted from 0."""
    return (number + block * STEP) & MASK


def _of(word: str) -> list[str]:
    """Pairs with a character of a script without spaces, triples of all others, and a word of two letters whole."""
    pairs = [word[at : at + 2] for at in range(len(word) - 1) if _dense(word[at]) or _dense(word[at + 1])]
    triples = [one for one in (word[at : at + 3] for at in range(len(word) - 2)) if not any(map(_dense, one))]
    return pairs + triples or ([f"^{word}"] if len(word) == 2 else [])


def _spread(found: list[str]) -> list[str]:
    if len(found) <= LOOKED_UP_MAX:
        return found
    return [found[place * (len(found) - 1) // (LOOKED_UP_MAX - 1)] for place in range(LOOKED_UP_MAX)]


def _dense(one: str) -> bool:
    return any(first <= ord(one) <= last for first, last in _DENSE)


def _number(gram: str) -> int:
    return crc32(gram.encode()) & MASK
