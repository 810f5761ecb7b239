"""Words of which the engine misread a letter, found by the `regex` library, whose patterns allow so many wrong letters. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import cast

import regex


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which `(?:WORD){s<=1}` also finds the word with one letter replaced (`i` inserted, `d` missing)."""
    return cast("re.Pattern[str]", regex.compile(pattern))


def is_shown(word: str, text: str) -> bool:
    """Return whether the text holds the word, one letter of it replaced at most."""
    return _with_one_replaced(word).search(text) is not None


@lru_cache(maxsize=1_000)
def _with_one_replaced(word: str) -> re.Pattern[str]:
    return compiled(f"(?:{regex.escape(word)}){{s<=1}}")
