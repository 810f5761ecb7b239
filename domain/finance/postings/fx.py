"""Postings of exchanges and rate differences: a gain or loss is posted against the position that it came from."""

from __future__ import annotations

from domain.finance.chart import Account, account
from domain.finance.ledger import Posting, Postings
from domain.finance.postings.sales import FX_POSITION
from domain.money import Money

FX_DIFFERENCE = account("fx_difference")
REALISED, EXCHANGED = "exchange_difference", "exchanged"


def difference(amount: Money) -> Postings:
    """Post a gain (positive) or a loss of CNY; nothing for none."""
    if not amount.amount_minor:
        return ()
    return (Posting(FX_POSITION, amount), Posting(FX_DIFFERENCE, -amount))


def exchanged(kept_on: Account, sold: Money, arrived: Money, gain: Money) -> Postings:
    """Post that foreign money of ours was exchanged on the account that kept it, with what that realises of the position."""
    return (
        Posting(kept_on, arrived), Posting(FX_POSITION, -arrived), Posting(FX_POSITION, sold), Posting(kept_on, -sold),
        *difference(gain),
    )  # fmt: skip
