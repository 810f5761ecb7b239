"""What the reading step asks of a reader; a Protocol because the real one brings 600 MB that only one process should load."""

from __future__ import annotations

from typing import Protocol

from domain.cards.reading import Reading


class CardReader(Protocol):
    """Reads one card photo at a time; calls from several threads wait for each other."""

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        """Read the fields of the JPEG bytes `photo`, boxes in its pixels: one reading for each card, an empty one for none.

        `brand_hint` is the brand code that the seller chose. The call blocks for about a second: use a thread.
        """
        ...
