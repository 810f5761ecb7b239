"""One-time codes of an issuer: six digits, a life of minutes, three tries, the newest one alone is good."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulators.store import Record, Store

CODE_DIGITS = 6
TRIES = 3


@dataclass(frozen=True)
class Verdict:
    """`ok`, `wrong` or `expired`, with the tries that are left."""

    result: str
    tries_left: int


class Codes:
    """The codes of one program, kept in its store by the card's hash."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(self, card: str, life_s: int, dice: random.Random) -> tuple[str, datetime]:
        """Make a new code for the card and say when it ends; the one before is valid no longer."""
        code = f"{dice.randrange(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        ends = datetime.now(UTC) + timedelta(seconds=life_s)
        self._store.put("code", card, {"code": code, "expires_at": ends.isoformat(), "tries_left": TRIES})
        return code, ends

    def check(self, card: str, given: str) -> Verdict:
        """Judges a code. A right one is used up; a third wrong one uses it up too."""
        kept = self._store.get("code", card)
        if kept is None or datetime.fromisoformat(kept["expires_at"]) <= datetime.now(UTC):
            return Verdict("expired", 0)
        if kept["code"] == given:
            self._store.delete("code", card)
            return Verdict("ok", kept["tries_left"])
        return self._wrong(card, kept)

    def _wrong(self, card: str, kept: Record) -> Verdict:
        left = kept["tries_left"] - 1
        if left:
            self._store.put("code", card, kept | {"tries_left": left})
        else:
            self._store.delete("code", card)
        return Verdict("wrong", left)
