"""Money of a paid order that came back to us days later: the transfer did not last, so what it was for is as before it."""

from __future__ import annotations

from domain.finance.ledger import GOODWILL, Posting, Postings, cash, seller_payable
from domain.finance.rails import Rail
from domain.money import Money


def payout_returned(owner: str, amount: Money, rail: Rail) -> Postings:
    """Post that a paid payout came back: our cash again, and owed to the seller again."""
    _require_positive(amount)
    return (Posting(cash(rail), amount), Posting(seller_payable(owner), -amount))


def goodwill_returned(amount: Money, rail: Rail) -> Postings:
    """Post that a goodwill payment came back: nothing was given."""
    _require_positive(amount)
    return (Posting(cash(rail), amount), Posting(GOODWILL, -amount))


def _require_positive(amount: Money) -> None:
    if amount.amount_minor <= 0:
        raise ValueError("a posting's amount is positive")
