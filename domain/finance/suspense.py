"""What money in suspense turns out to be: each kind with the direction that it may have and the account that it belongs to."""

from __future__ import annotations

from enum import StrEnum

from domain.finance.chart import Account, account
from domain.finance.ledger import Posting, Postings
from domain.finance.rails import Rail
from domain.finance.sales import buyer_of
from domain.money import Money

SUSPENSE = "suspense"
CLEARED = "suspense_cleared"  # The step of its posting.


class ClearedAs(StrEnum):
    """What it is."""

    BUYER = "buyer"  # A buyer paid what they owe.
    DEPOSIT = "deposit"  # A buyer paid in advance.
    CLAIM = "claim"  # A seller paid a claim back, or a part of it.
    ISSUER = "issuer"  # An issuer paid back, or was paid.
    INTEREST = "interest"
    FEE = "fee"  # The bank or provider charged for something.
    CAPITAL = "capital"  # Our own money between our accounts.
    RETURNED = "returned"  # It went back to its sender, or came back: another entry in suspense is its other half.


CAME_IN = (
    ClearedAs.BUYER, ClearedAs.DEPOSIT, ClearedAs.CLAIM, ClearedAs.ISSUER, ClearedAs.INTEREST, ClearedAs.CAPITAL,
    ClearedAs.RETURNED,
)  # fmt: skip
WENT_OUT = (ClearedAs.FEE, ClearedAs.ISSUER, ClearedAs.CAPITAL, ClearedAs.RETURNED)
OF_BUYERS = frozenset({ClearedAs.BUYER, ClearedAs.DEPOSIT})


def choices(*, came_in: bool) -> tuple[ClearedAs, ...]:
    """Return what money of this direction can turn out to be."""
    return CAME_IN if came_in else WENT_OUT


def account_for(cleared_as: ClearedAs, rail: Rail, buyer: str) -> Account:
    """Return the account that it belongs to. Raises ValueError for a buyer's code that is none, and for what has none of its own.

    `returned` stands against another entry; of a claim, what is owed and what was written off are posted apart.
    """
    if cleared_as in OF_BUYERS:
        return account("buyer_receivable" if cleared_as is ClearedAs.BUYER else "buyer_deposit", buyer_of(buyer))
    if cleared_as in (ClearedAs.RETURNED, ClearedAs.CLAIM):
        raise ValueError(f"no account is that of: {cleared_as.value}")
    if cleared_as is ClearedAs.ISSUER:
        return account("issuer_payable")
    if cleared_as is ClearedAs.CAPITAL:
        return account("capital")
    return account("interest" if cleared_as is ClearedAs.INTEREST else "rail_fee", rail.value)


def cleared(cleared_as: ClearedAs, rail: Rail, buyer: str, amount: Money, *, came_in: bool) -> Postings:
    """Post that so much of an entry in suspense belongs elsewhere; nothing for what went back. `amount` is positive.

    Raises ValueError as `account_for` does.
    """
    if amount.amount_minor <= 0:
        raise ValueError("a posting's amount is positive")
    if cleared_as is ClearedAs.RETURNED:
        return ()
    other, moved = account_for(cleared_as, rail, buyer), amount if came_in else -amount
    return (Posting(account(SUSPENSE, rail.value), moved), Posting(other, -moved))


def cause_of(clearing_id: str) -> str:
    """Return the cause of the posting of a clearing."""
    return f"suspense:{clearing_id}"
