"""What money in suspense turns out to be: each kind with the direction that it may have and the account that it belongs to."""

from __future__ import annotations

from enum import StrEnum

from domain.finance.chart import Account, account
from domain.finance.ledger import Posting, Postings
from domain.finance.rails import Rail
from domain.finance.sales import buyer_of
from domain.finance.settlement import OWNER
from domain.money import Money

SUSPENSE = "suspense"
CLEARED = "suspense_cleared"  # The step of its posting.


class ClearedAs(StrEnum):
    """What it is."""

    BUYER = "buyer"  # A buyer paid what they owe.
    DEPOSIT = "deposit"  # A buyer paid in advance.
    PARTNER = "partner"  # A counterparty paid back what it owes.
    CLAIM = "claim"  # A seller paid a claim back, or a part of it.
    ISSUER = "issuer"  # An issuer paid back, or was paid.
    INTEREST = "interest"
    FEE = "fee"  # The bank or provider charged for something.
    CAPITAL = "capital"  # Our own money between our accounts.
    RETURNED = "returned"  # It went back to its sender, or came back: another entry in suspense is its other half.
    CALLED_BACK = "called_back"  # A buyer's payment went back to them: they owe it again.
    REFUND = "refund"  # A buyer was paid back of their deposit.
    OVERPAID = "overpaid"  # A counterparty was paid more than its part: it owes that.


CAME_IN = (
    ClearedAs.BUYER, ClearedAs.DEPOSIT, ClearedAs.PARTNER, ClearedAs.CLAIM, ClearedAs.ISSUER, ClearedAs.INTEREST,
    ClearedAs.CAPITAL, ClearedAs.RETURNED,
)  # fmt: skip
WENT_OUT = (
    ClearedAs.FEE, ClearedAs.REFUND, ClearedAs.CALLED_BACK, ClearedAs.OVERPAID, ClearedAs.ISSUER, ClearedAs.CAPITAL,
    ClearedAs.RETURNED,
)  # fmt: skip
OF_BUYERS = frozenset({ClearedAs.BUYER, ClearedAs.DEPOSIT, ClearedAs.CALLED_BACK, ClearedAs.REFUND})
OF_PARTIES = frozenset({ClearedAs.PARTNER, ClearedAs.OVERPAID})
PAYS_DEBT = frozenset({ClearedAs.BUYER, ClearedAs.PARTNER})
_OF_OTHERS = {
    ClearedAs.BUYER: "buyer_receivable", ClearedAs.CALLED_BACK: "buyer_receivable", ClearedAs.DEPOSIT: "buyer_deposit",
    ClearedAs.REFUND: "buyer_deposit", ClearedAs.PARTNER: "partner_receivable", ClearedAs.OVERPAID: "partner_receivable",
}  # fmt: skip


def choices(*, came_in: bool) -> tuple[ClearedAs, ...]:
    """Return what money of this direction can turn out to be."""
    return CAME_IN if came_in else WENT_OUT


def account_for(cleared_as: ClearedAs, rail: Rail, buyer: str) -> Account:
    """Return the account that it belongs to; `buyer` is a buyer's code, or the owner of a counterparty's accounts.

    Raises ValueError for a code that is none, and for what has none of its own.

    `returned` stands against another entry; of a claim, what is owed and what was written off are posted apart.
    """
    if cleared_as in OF_BUYERS:
        return account(_OF_OTHERS[cleared_as], buyer_of(buyer))
    if cleared_as in OF_PARTIES:
        if not OWNER.fullmatch(buyer):
            raise ValueError("a counterparty's accounts have an owner")
        return account(_OF_OTHERS[cleared_as], buyer)
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
