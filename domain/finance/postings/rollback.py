"""Postings of a card that was no good after it was paid for: claimed, offset, out of stock, paid back, written off, owed again."""

from __future__ import annotations

from domain.finance.chart import Account, account
from domain.finance.ledger import INVENTORY, Posting, Postings, cash, in_flight, require_balanced, seller_payable
from domain.finance.postings.debts import WRITE_OFF
from domain.finance.rails import Rail
from domain.money import Money

COST_OF_SALES = account("cost_of_sales")


def seller_receivable(owner: str) -> Account:
    """Return the account of what `seller:<id>` or `partner:<id>` owes back."""
    return account("seller_receivable", owner)


def claimed(owner: str, cost: Money, claim: Money, *, in_stock: bool) -> Postings:
    """Post a claim: the card is worth nothing, its seller owes the claim, and what is not claimed of its cost is lost.

    `in_stock`: the card's cost is still in the inventory; else it was expensed when the card was sold.
    """
    lines = [Posting(seller_receivable(owner), claim)]
    if cost.amount_minor != claim.amount_minor:
        lines.append(Posting(WRITE_OFF, cost - claim))
    return require_balanced((*lines, Posting(INVENTORY if in_stock else COST_OF_SALES, -cost)))


def paid_twice(owner: str, amount: Money, rail: Rail) -> Postings:
    """Post that a payment left our account that nothing was owed for: its receiver owes it."""
    return require_balanced((Posting(seller_receivable(owner), amount), Posting(cash(rail), -amount)))


def out_of_stock(cost: Money) -> Postings:
    """Post the return of a card with an open claim from its buyer: it is worth nothing and is not in stock."""
    return require_balanced((Posting(COST_OF_SALES, cost), Posting(INVENTORY, -cost)))


def paid_back(owner: str, amount: Money, recovered: Money, out_of: Account) -> Postings:
    """Post that money of a seller is for a claim: against what they owe, and what is `recovered` of it against the loss that was written off.

    `out_of` is the account on which the money is: our cash, or suspense.
    """
    owed = amount - recovered
    if owed.amount_minor < 0 or recovered.amount_minor < 0:
        raise ValueError("a payment has no part below nothing")
    lines = [Posting(out_of, amount)]
    if owed.amount_minor:
        lines.append(Posting(seller_receivable(owner), -owed))
    if recovered.amount_minor:
        lines.append(Posting(WRITE_OFF, -recovered))
    return require_balanced(tuple(lines))


def payout_prepared(owner: str, sent: Money, offset: Money, rail: Rail) -> Postings:
    """Post a payment about to be ordered, of which a part is offset: all of it is no longer owed, the rest is in flight."""
    if offset.amount_minor <= 0 or sent.amount_minor <= 0:
        raise ValueError("an offset leaves something of a payment")
    return require_balanced(
        (
            Posting(seller_payable(owner), sent + offset),
            Posting(seller_receivable(owner), -offset),
            Posting(in_flight(rail), -sent),
        )
    )


def offset_undone(owner: str, offset: Money) -> Postings:
    """Post that what an order had offset is owed again on both sides: the money of the order came back."""
    return require_balanced((Posting(seller_receivable(owner), offset), Posting(seller_payable(owner), -offset)))


def payout_refused(owner: str, sent: Money, offset: Money, rail: Rail) -> Postings:
    """Post that nothing moved: all of it is owed to the seller again, and the offset by the seller."""
    lines = payout_prepared(owner, sent, offset, rail)
    return tuple(Posting(line.account, -line.amount) for line in lines)
