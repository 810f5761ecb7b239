"""Handing a ticket over: an offer that its receiver accepts, or that ends and leaves the ticket with who had it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

OFFER_LASTS = timedelta(minutes=30)  # Not accepted by then, the ticket stays with who offered it.


class HandOverAnswer(StrEnum):
    """How an offer ended."""

    ACCEPTED = "accepted"  # The receiver works on the ticket.
    DECLINED = "declined"  # The receiver said no, and why.
    WITHDRAWN = "withdrawn"  # Who offered it keeps it after all.
    EXPIRED = "expired"  # Nobody answered in time.
    ENDED = "ended"  # The ticket was solved, closed or merged meanwhile.
