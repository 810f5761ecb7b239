"""What the reading step asks of a reader; a Protocol because the real one brings 600 MB that only one process should load."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Protocol, runtime_checkable

from domain.cards.reading import Reading

# Set where a reading may become unwanted while it runs: a reader that can stop half-way looks at it, and raises ReadingStopped.
UNWANTED: ContextVar[threading.Event | None] = ContextVar("UNWANTED", default=None)


class ReadingStopped(Exception):
    """The reading was cancelled; it has no result."""


class CardReader(Protocol):
    """Reads one card photo at a time; calls from several threads wait for each other."""

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        """Read the fields of the JPEG bytes `photo`, boxes in its pixels: one reading for each card, an empty one for none.

        `brand_hint` is the brand code that the seller chose. The call blocks for about a second: use a thread.
        """
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """A reader whose first photo would cost more than later ones."""

    def warm_up(self) -> None:
        """Look once at pictures as large as any: their memory is taken now, and the first photo waits for nothing."""
        ...
