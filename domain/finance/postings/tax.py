"""What withholding tax posts."""

from __future__ import annotations

from domain.finance.chart import account
from domain.finance.ledger import Posting, Postings, seller_payable
from domain.money import Money

TAX_WITHHELD = account("tax_withheld")


def withheld(owner: str, tax: Money) -> Postings:
    """Post that a part of what is owed to a seller is kept for the tax office."""
    return (Posting(seller_payable(owner), tax), Posting(TAX_WITHHELD, -tax))
