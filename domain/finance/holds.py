"""Money that is set aside before it moves."""

from __future__ import annotations

from enum import StrEnum


class HoldState(StrEnum):
    """What became of a hold. Every state but the first is final."""

    HELD = "held"  # It counts in the available balance.
    POSTED = "posted"  # The money has moved.
    VOIDED = "voided"  # It was given up.
    EXPIRED = "expired"  # Nobody posted it in time.
