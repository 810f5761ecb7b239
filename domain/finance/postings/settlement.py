"""Postings of settlement runs: paying a counterparty, and correcting what a statement says."""

from __future__ import annotations

from domain.finance.chart import Account, account
from domain.finance.counterparties import CounterpartyKind
from domain.finance.ledger import Posting, Postings, cash, in_flight
from domain.finance.rails import Rail
from domain.money import Money

PREPARED, REFUSED, RETURNED = "settlement_prepared", "settlement_refused", "settlement_returned"
CORRECTED, OPENING = "settlement_corrected", "settlement_opening"
NETTED = "settlement_netted"
# They pay a statement and are no part of one.
OF_PAYMENTS = (PREPARED, REFUSED, RETURNED)
SHARE, BILLED = "partner_share", "issuer_payable"


def payable_to(kind: CounterpartyKind, owner: str) -> Account:
    """Return the account of what is owed to a counterparty: a share of its own, or what providers together will bill."""
    return account(BILLED) if kind is CounterpartyKind.PROVIDER else account(SHARE, owner)


def settlement_prepared(payable: Account, amount: Money, rail: Rail) -> Postings:
    """Post a payment about to be ordered: the debt to the counterparty becomes money in flight."""
    return _moved(amount, debit=payable, credit=in_flight(rail))


def settlement_refused(payable: Account, amount: Money, rail: Rail) -> Postings:
    """Post that nothing moved, as the gateway says for certain: it is owed to the counterparty again."""
    return _moved(amount, debit=in_flight(rail), credit=payable)


def settlement_returned(payable: Account, amount: Money, rail: Rail) -> Postings:
    """Post that a paid amount came back: our cash again, owed to the counterparty again."""
    return _moved(amount, debit=cash(rail), credit=payable)


def settlement_opening(kind: CounterpartyKind, owner: str, owed: Money) -> Postings:
    """Post what was owed to a counterparty before it was settled here; negative where it owed us."""
    return settlement_corrected(kind, owner, owed)


def settlement_corrected(kind: CounterpartyKind, owner: str, more: Money) -> Postings:
    """Post the correction of a statement: `more` is owed from now on, or less where it is negative."""
    if more.amount_minor == 0:
        raise ValueError("a correction changes something")
    payable = payable_to(kind, owner)
    cost = account("issuer_cost" if kind is CounterpartyKind.PROVIDER else "partner_cost")
    return (Posting(cost, more), Posting(payable, -more))


def settlement_netted(owner: str, amount: Money) -> Postings:
    """Post that a run pays a counterparty less by what it owes of a returned sale: share and debt fall together."""
    return _moved(amount, debit=account(SHARE, owner), credit=account("partner_receivable", owner))


def _moved(amount: Money, *, debit: Account, credit: Account) -> Postings:
    if amount.amount_minor <= 0:
        raise ValueError("a posting's amount is positive")
    return (Posting(debit, amount), Posting(credit, -amount))
