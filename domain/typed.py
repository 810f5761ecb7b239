"""What people type or paste, made plain: input methods and copied pages add characters that nobody sees."""

from __future__ import annotations

import unicodedata

# Joiners and marks without width. Text that turns direction stays, and is refused where a name is checked.
ZERO_WIDTH = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")


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
