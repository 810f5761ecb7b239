"""Postings that end a debt: written off, recovered after that, and a deposit paid back. Amounts are positive."""

from __future__ import annotations

from collections import Counter

from domain.finance.chart import Account, account, account_of
from domain.finance.ledger import Posting, Postings, cash, require_balanced, reversed_postings
from domain.finance.postings.sales import FX_POSITION, buyer_deposit
from domain.finance.rails import Rail
from domain.money import Currency, Money

WRITE_OFF = account("write_off")
WRITTEN_OFF, REFUNDED = "debt_written_off", "deposit_refunded"  # Steps of their postings.


def written_off(debt: Account, left: Money, value: Money | None = None) -> Postings:
    """Post that so much of a debt will not come. Of foreign money `value` (CNY) is what it is booked at: it leaves its position."""
    if left.currency is Currency.CNY:
        return require_balanced((Posting(WRITE_OFF, left), Posting(debt, -left)))
    if value is None:
        raise ValueError("foreign money is lost at what it is booked at")
    lines = (
        Posting(debt, -left), Posting(FX_POSITION, left), Posting(FX_POSITION, -value), Posting(WRITE_OFF, value),
    )  # fmt: skip
    return require_balanced(tuple(one for one in lines if one.amount.amount_minor))


def restored(debt: Account, amount: Money, value: Money) -> Postings:
    """Post that so much of a debt that was written off is owed again, because it is paid or offset now."""
    return reversed_postings(written_off(debt, amount, value))


def refunded(rail: Rail, buyer: str, amount: Money) -> Postings:
    """Post that `buyer:<code>` was paid back of their deposit."""
    return require_balanced((Posting(buyer_deposit(buyer), amount), Posting(cash(rail), -amount)))


def together(*postings: Postings) -> Postings:
    """Return postings of one step with one line for each account and currency; what adds up to nothing is left out."""
    sums: Counter[tuple[str, Currency]] = Counter()
    for lines in postings:
        for line in lines:
            sums[line.account.code, line.amount.currency] += line.amount.amount_minor
    return tuple(Posting(account_of(code), Money(minor, currency)) for (code, currency), minor in sums.items() if minor)
