"""Selling a card: in which way, and how the buyer pays. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

BUYER = re.compile("[a-z0-9][a-z0-9-]{0,39}")


class SaleMode(StrEnum):
    """Whose card is sold."""

    OWN = "own"  # Ours: it was bought before.
    BROKERED = "brokered"  # The seller's: we bring buyer and seller together, for a commission.


class PaidFrom(StrEnum):
    """Where the buyer's money comes from."""

    RECEIVABLE = "receivable"  # The buyer owes it.
    DEPOSIT = "deposit"  # From what they paid in advance.


class ReceiptFor(StrEnum):
    """What a payment to us is for."""

    RECEIVABLE = "receivable"  # What they owe.
    DEPOSIT = "deposit"  # Cards to come.
    PARTNER = "partner"  # A partner pays back what it owes of returned sales.
    COMMISSION = "commission"  # Our part of brokered sales, from the split account of a licensed provider.


def buyer_of(code: str) -> str:
    """Return the owner word of a buyer's accounts, `buyer:<code>`. Raises ValueError for a code that is none."""
    if not BUYER.fullmatch(code):
        raise ValueError("a buyer's code is small letters, digits and dashes")
    return f"buyer:{code}"
