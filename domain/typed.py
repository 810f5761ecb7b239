"""Normalise what people type or paste: input methods and copied pages add invisible characters."""

from __future__ import annotations

import re
import unicodedata

# Joiners and marks without width, and marks that keep text in the direction it has, as copied numbers and names carry them.
# What turns text round stays, and is refused where a name is checked.
ZERO_WIDTH = frozenset("\u00ad\u200b\u200c\u200d\u200e\u202a\u202c\u202d\u2060\ufeff")
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


def plain(written: str) -> str:
    """Return a number, code, account or amount as ASCII would write it.

    Full-width characters become their usual form (NFKC), characters without a shape (Unicode class Cf) go, and so do
    spaces around the text.
    """
    usual = unicodedata.normalize("NFKC", written)
    return "".join(letter for letter in usual if unicodedata.category(letter) != "Cf").strip()


def plain_name(written: str) -> str:
    """Return a person's name with its own letters, without zero-width characters, every run of spaces being one space.

    Line ends and other control characters stay, for the check of a name to refuse.
    """
    shown = (" " if unicodedata.category(letter) == "Zs" else letter for letter in written if letter not in ZERO_WIDTH)
    return " ".join(part for part in "".join(shown).strip(" ").split(" ") if part)


def plain_amount(written: str) -> str:
    """Return `￥１，０００.００ 元` as `1000.00`, an empty text for nothing.

    Raises ValueError for a comma that does not part thousands: `2,50` may mean two and a half, or a slip.
    """
    text = plain(written).lstrip("¥$").removesuffix("元").strip()
    if "," in text and not _THOUSANDS.fullmatch(text):
        raise ValueError("a comma parts thousands")
    return text.replace(",", "")
