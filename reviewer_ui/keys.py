"""The console's keys: which acts have one, in the order of the help and of the page where people change them."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """An act with its usual key; `words` is its key in the catalogue."""

    name: str
    words: str

    @property
    def shown(self) -> str:
        """The key as it is printed."""
        return "⏎" if self.name == "enter" else self.name.upper()


_SPOKEN = {"/": "search", "?": "help"}  # A catalogue key holds no such sign.
# Esc, Tab and the letters of an open menu cannot be changed.
KEYS = tuple(Key(name, f"console.keys.{_SPOKEN.get(name, name)}") for name in ("enter", *"aewrqtsxmhbfcvuozn[]g/?"))
FIELD_KEYS = tuple("123456789")
