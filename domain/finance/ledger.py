"""Double entry for what is owed and paid: which accounts there are, and which postings each step of a payout makes.

A posting is signed: positive is a debit, negative a credit. The postings of one step sum to zero per currency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from domain.finance.chart import Account, account
from domain.finance.rails import Rail
from domain.money import Currency, Money

INVENTORY = account("inventory")
GOODWILL = account("goodwill")
ISSUER_COST, ISSUER_PAYABLE = account("issuer_cost"), account("issuer_payable")


class Unbalanced(ValueError):
    """Postings that do not sum to zero in every currency."""


@dataclass(frozen=True)
class Posting:
    """One line: a debit (positive) or a credit (negative) of an account, in minor units of its currency."""

    account: Account
    amount: Money


Postings = tuple[Posting, ...]


def seller_payable(owner: str) -> Account:
    """Return the account of what is owed to `seller:<id>` or `partner:<id>`."""
    return account("seller_payable", owner)


def cash(rail: Rail) -> Account:
    """Return the account of our money at a rail."""
    return account("cash", rail.value)


def in_flight(rail: Rail) -> Account:
    """Return the account of what is ordered on a rail and not known to have arrived."""
    return account("in_flight", rail.value)


def owed(owner: str, amount: Money) -> Postings:
    """Post an acceptance by the seller: the card is ours, its price is owed."""
    return _moved(amount, debit=INVENTORY, credit=seller_payable(owner))


def owed_reversed(owner: str, amount: Money) -> Postings:
    """Reverse `owed`: before payment the card turned out not to be worth its price."""
    return _moved(amount, debit=seller_payable(owner), credit=INVENTORY)


def payout_prepared(owner: str, amount: Money, rail: Rail) -> Postings:
    """Post a payment about to be ordered: the debt to the seller becomes money in flight, so that no second order can use it."""
    return _moved(amount, debit=seller_payable(owner), credit=in_flight(rail))


def payout_paid(amount: Money, rail: Rail) -> Postings:
    """Post that the gateway says the money arrived."""
    return _moved(amount, debit=in_flight(rail), credit=cash(rail))


def payout_refused(owner: str, amount: Money, rail: Rail) -> Postings:
    """Post that nothing moved, as the gateway says for certain: it is owed to the seller again."""
    return _moved(amount, debit=in_flight(rail), credit=seller_payable(owner))


def goodwill_prepared(amount: Money, rail: Rail) -> Postings:
    """Post a goodwill payment about to be ordered: an expense, in flight."""
    return _moved(amount, debit=GOODWILL, credit=in_flight(rail))


def goodwill_refused(amount: Money, rail: Rail) -> Postings:
    """Post that nothing moved, as the gateway says for certain: nothing was given."""
    return _moved(amount, debit=in_flight(rail), credit=GOODWILL)


def issuer_cost(amount: Money) -> Postings:
    """Asking an issuer, a store or an outlet cost this much, to be paid by its monthly bill."""
    return _moved(amount, debit=ISSUER_COST, credit=ISSUER_PAYABLE)


def reversed_postings(postings: Postings) -> Postings:
    """Return the postings that take these back, line by line."""
    return tuple(Posting(line.account, -line.amount) for line in postings)


def totals(postings: Iterable[Posting]) -> dict[Currency, int]:
    """Return the sum of each currency, in minor units."""
    sums: Counter[Currency] = Counter()
    for posting in postings:
        sums[posting.amount.currency] += posting.amount.amount_minor
    return dict(sums)


def require_balanced(postings: Postings) -> Postings:
    """Return the postings, if there are any and they sum to zero per currency. Raises Unbalanced."""
    if not postings or any(totals(postings).values()):
        raise Unbalanced("postings sum to zero in every currency")
    return postings


def _moved(amount: Money, *, debit: Account, credit: Account) -> Postings:
    """Raises ValueError for an amount that is not positive: a reversal is a step of its own, never a negative one."""
    if amount.amount_minor <= 0:
        raise ValueError("a posting's amount is positive")
    return (Posting(debit, amount), Posting(credit, -amount))
