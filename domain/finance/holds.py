"""Money that is set aside before it moves."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

RESERVED_FOR = timedelta(days=1)  # So long a buyer's deposit waits for the card that they are to have.


class HoldState(StrEnum):
    """What became of a hold. Every state but the first is final."""

    HELD = "held"  # It counts in the available balance.
    POSTED = "posted"  # The money has moved.
    VOIDED = "voided"  # It was given up.
    EXPIRED = "expired"  # Not posted in time.


def reserved_cause(card_id: str) -> str:
    """Return the cause of what is held of a buyer's deposit for a card."""
    return f"reserved:{card_id}"


def reserved_key(key: str) -> str:
    """Return the key of a hold by that of the sale which it waits for."""
    return f"sale:{key}"
