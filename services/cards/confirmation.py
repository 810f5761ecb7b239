"""The issuer's word right before a payment: how it is told apart from the answers before, and how it stands in the story."""

from __future__ import annotations

from domain.cards.verification import Answer

STEP = "recheck"  # Of the request's id.
CONFIRMED, VOID = "payout.card_confirmed", "payout.card_changed"


def is_recheck(answer: Answer) -> bool:
    """Whether the answer was given right before a payment."""
    return f"-{STEP}-" in answer.request_id
