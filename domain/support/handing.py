"""Handing a ticket over: an offer that its receiver accepts, or that ends and leaves the ticket with who had it."""

from __future__ import annotations

from enum import StrEnum


class HandOverAnswer(StrEnum):
    """How an offer ended."""

    ACCEPTED = "accepted"  # The receiver works on the ticket.
    DECLINED = "declined"  # The receiver said no, and why.
    WITHDRAWN = "withdrawn"  # Who offered it keeps it after all.
    EXPIRED = "expired"  # Not answered in time.
    ENDED = "ended"  # The ticket was solved, closed or merged meanwhile.
