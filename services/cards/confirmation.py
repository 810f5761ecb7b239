"""The issuer's confirmation right before a payment: how it differs from earlier answers, and its story entry."""

from __future__ import annotations

from domain.cards.verification import Answer

STEP = "recheck"  # Of the request's id.
CONFIRMED, VOID = "payout.card_confirmed", "payout.card_changed"
UNCONFIRMED = (
    "payout.card_unconfirmed"  # Approved without the issuer's word, and the issuer was asked again for nothing.
)


def is_recheck(answer: Answer) -> bool:
    """Return whether the answer was given right before a payment."""
    return f"-{STEP}-" in answer.request_id
