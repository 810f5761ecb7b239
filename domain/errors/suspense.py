"""Refusals about money in suspense and what it was said to be."""

from __future__ import annotations

from domain.errors.base import Refusal


class ReceiptOfSuspense(Refusal):
    """The payment came out of suspense by the word of two people: reverse there what they said, and it is taken back."""

    code = "receipt_of_suspense"
    http_status = 409


class MoreThanStands(Refusal):
    """More was to be cleared than stands in suspense of this entry (`there`)."""

    code = "more_than_stands"
    http_status = 409


class ClearingOver(Refusal):
    """What the money is was agreed to, declined or reversed before."""

    code = "clearing_over"
    http_status = 409
