"""What differences of rates post: a gain or a loss against the position that it came from."""

from __future__ import annotations

from domain.finance.chart import account
from domain.finance.ledger import Posting, Postings
from domain.finance.postings.sales import FX_POSITION
from domain.money import Money

FX_DIFFERENCE = account("fx_difference")


def difference(amount: Money) -> Postings:
    """Post a gain (positive) or a loss of CNY; nothing for none."""
    if not amount.amount_minor:
        return ()
    return (Posting(FX_POSITION, amount), Posting(FX_DIFFERENCE, -amount))
