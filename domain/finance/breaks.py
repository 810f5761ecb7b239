"""Breaks: where a statement and our books differ, as work of finance; what can be done with each, and what that posts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.finance.chart import Account, account
from domain.finance.ledger import Posting, Postings
from domain.finance.statements import StatementSource
from domain.money import Money
from domain.people.roles import Permission
from domain.work.kinds import Facet, KindOfWork
from domain.work.queue_order import OrderFacts, lead
from domain.work.reason_codes import ReasonedAct

BREAK = "break"
TEAM = "finance"
NOTE_MAX = 1000


class BreakKind(StrEnum):
    """How a statement and our books differ."""

    MISSING_HERE = "missing_here"  # The statement has it, our books do not.
    MISSING_THERE = "missing_there"  # Our books have it, and no statement does in the time that it takes.
    AMOUNT_OVER = "amount_over"  # The statement says more than our books.
    AMOUNT_UNDER = "amount_under"  # It says less.
    CURRENCY = "currency"  # It says another currency.
    DUPLICATE = "duplicate"  # It has the same payment a second time.
    FEE_DIFFERENCE = "fee_difference"  # A charge is not what was agreed.


class BreakState(StrEnum):
    """How far a break is."""

    OPEN = "open"
    PROPOSED = "proposed"  # One person has decided; a second one must agree.
    CLOSED = "closed"


class Verb(StrEnum):
    """What closes a break."""

    IGNORE = "ignore"  # Nothing is posted; the difference stays visible in the daily close.
    EDIT = "edit"  # Our books take the statement's amount: the difference is posted, and both belong together.
    CREATE = "create"  # What one side lacks is posted in our books.
    REPLACE_LINK = "replace_link"  # It belongs to something else; where amounts differ, two people force the match.
    FOUND = "found"  # The other side came with a later statement or posting. No person's act.


BY_HAND = (Verb.IGNORE, Verb.EDIT, Verb.CREATE, Verb.REPLACE_LINK)
# What can be done with each kind. A payment that the statement lists twice is posted a second time, or linked elsewhere.
ALLOWED: dict[BreakKind, frozenset[Verb]] = {
    BreakKind.MISSING_HERE: frozenset({Verb.IGNORE, Verb.CREATE, Verb.REPLACE_LINK}),
    BreakKind.MISSING_THERE: frozenset({Verb.IGNORE, Verb.CREATE, Verb.REPLACE_LINK}),
    BreakKind.AMOUNT_OVER: frozenset({Verb.IGNORE, Verb.EDIT, Verb.REPLACE_LINK}),
    BreakKind.AMOUNT_UNDER: frozenset({Verb.IGNORE, Verb.EDIT, Verb.REPLACE_LINK}),
    BreakKind.CURRENCY: frozenset({Verb.IGNORE, Verb.EDIT, Verb.REPLACE_LINK}),
    BreakKind.DUPLICATE: frozenset({Verb.IGNORE, Verb.CREATE, Verb.REPLACE_LINK}),
    BreakKind.FEE_DIFFERENCE: frozenset({Verb.IGNORE, Verb.EDIT, Verb.CREATE, Verb.REPLACE_LINK}),
}


def by_deadline(facts: OrderFacts) -> datetime:
    """Return the place within a band: the break that is due first comes first."""
    return facts.due_at - lead(facts.priority)


BREAK_WORK = KindOfWork(
    code=BREAK,
    see=Permission.SEE_PAYOUTS,
    take=Permission.RECONCILE,
    take_escalated=Permission.RECONCILE,
    page="/reconciliation/breaks/{subject}",
    reasons="break_kind",
    opened_for=BreakKind,
    facets=frozenset({Facet.REASON, Facet.VALUE}),
    closes=ReasonedAct.CLOSE_BREAK,
    order_at=by_deadline,
    breach_escalates=False,  # A late break stays with the whole desk, first in its queue.
)


class Against(StrEnum):
    """Where the other half of an adjustment goes."""

    SUSPENSE = "suspense"  # Not explained yet.
    RAIL_FEE = "rail_fee"
    CAPITAL = "capital"  # Our own money between our accounts.
    ISSUER_PAYABLE = "issuer_payable"  # An issuer's bill is paid.
    ISSUER_COST = "issuer_cost"
    TAX_WITHHELD = "tax_withheld"  # The tax office is paid what was withheld for it.
    ROUNDING = "rounding"
    WRITE_OFF = "write_off"


_OF_RAIL = (
    Against.SUSPENSE, Against.RAIL_FEE, Against.CAPITAL, Against.ISSUER_PAYABLE, Against.TAX_WITHHELD, Against.ROUNDING,
    Against.WRITE_OFF,
)  # fmt: skip
_OF_ISSUER = (Against.ISSUER_COST, Against.ROUNDING, Against.WRITE_OFF)


def choices_against(source: StatementSource) -> tuple[Against, ...]:
    """Return where an adjustment of this source may go, the usual one first."""
    return _OF_ISSUER if source is StatementSource.ISSUER else _OF_RAIL


def usual_against(source: StatementSource, kind: BreakKind) -> Against:
    """Return what is offered first."""
    if source is not StatementSource.ISSUER and kind is BreakKind.FEE_DIFFERENCE:
        return Against.RAIL_FEE
    return choices_against(source)[0]


def account_against(source: StatementSource, against: Against) -> Account:
    """Return the account. Raises ValueError for one that this source cannot use."""
    if against not in choices_against(source):
        raise ValueError(against.value)
    return account(against.value, source.value if against in (Against.SUSPENSE, Against.RAIL_FEE) else "")


def adjustment(source: StatementSource, against: Against, says: Money | None, ours: Money | None) -> Postings:
    """Return what makes our account agree with the statement: `says` is its amount, `ours` what is posted; None: nothing.

    Signed as the account: positive came in. Empty where both agree; in two currencies both are posted whole.
    """
    moved: dict[str, Money] = {}
    for amount in (says, None if ours is None else -ours):
        if amount is not None:
            moved[amount.currency] = moved[amount.currency] + amount if amount.currency in moved else amount
    other = account_against(source, against)
    return tuple(
        posting
        for amount in moved.values()
        if amount.amount_minor
        for posting in (Posting(source.own, amount), Posting(other, -amount))
    )


@dataclass(frozen=True)
class Choice:
    """What a person decides: the verb, where its adjustment goes, and what the break belongs to instead.

    `link` is the id of a line or the number of an expectation, whichever side the break lacks; for `replace_link` only.
    """

    verb: Verb
    reason_code: str
    against: Against | None = None
    link: str = ""
    note: str = ""


def needs_second(difference_minor: int, *, forced: bool, alone_max_minor: int) -> bool:
    """Return whether a second person must agree: to any forced match, and to more than a person may adjust alone."""
    return forced or abs(difference_minor) > alone_max_minor
