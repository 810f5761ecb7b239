"""Settling with those who have a share in sales or bill us: counterparties, the states of a run, and what a run pays. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from domain.money import BASIS_POINTS_PER_ONE, Money

OWNER = re.compile(r"[a-z0-9][a-z0-9:-]{0,39}|partner:[0-9A-Z]{26}")
NAME_MAX, WORDS_MAX, REFERENCE_MAX, LINES_DISPUTED_MAX = 80, 2000, 64, 200


class SettlementState(StrEnum):
    """Who is to act on a run."""

    COLLECTING = "collecting"  # The machine: its entries are taken, its statement is made.
    ANSWER = "answer"  # The counterparty: it confirms or disputes the statement.
    DISPUTED = "disputed"  # Finance: a ticket says what the counterparty disputes.
    APPROVAL = "approval"  # Finance: one person, or two, agree to pay.
    PAYING = "paying"  # The machine and the payment gateway.
    PAYEE = "payee"  # Finance: a payee is missing, or was refused for certain.
    CLOSED = "closed"  # Nobody.


# The statement of a run in these states may still change, and with it what the next run begins with.
UNSETTLED = frozenset({SettlementState.COLLECTING, SettlementState.ANSWER, SettlementState.DISPUTED})


class SettlementEnding(StrEnum):
    """How a run was closed."""

    PAID = "paid"
    CARRIED = "carried"  # Too little to be paid: the next run begins with it.
    OWING = "owing"  # They owe us: it is netted with the next run.
    NOTHING = "nothing"  # There was nothing to settle.


class SettlementAnswer(StrEnum):
    """How a statement was answered."""

    CONFIRMED = "confirmed"
    SILENCE = "silence"  # The deadline passed, and the terms say that silence confirms.


class SettlementNeed(StrEnum):
    """Why finance has a piece of work with a run."""

    ANSWER = "answer"  # The deadline passed in silence, or the counterparty's invoice is to be compared.
    DISPUTE = "dispute"  # The counterparty disputes the statement.
    APPROVAL = "approval"  # A payment is to be agreed to.
    PAYEE = "payee"  # A payee is missing, or was refused.


# What finance is needed for by the state of a run; a provider's statement is answered with its invoice from the beginning.
NEEDS = {
    SettlementState.DISPUTED: SettlementNeed.DISPUTE,
    SettlementState.APPROVAL: SettlementNeed.APPROVAL,
    SettlementState.PAYEE: SettlementNeed.PAYEE,
}


class SettlementDeed(StrEnum):
    """What a person, or a partner's program, does with a run."""

    CONFIRM = "confirm"
    DISPUTE = "dispute"
    UPHOLD = "uphold"  # The dispute is answered: the statement is right.
    CORRECT = "correct"  # The dispute is answered: an amount is posted, and a new statement made.
    APPROVE = "approve"


class PayeeState(StrEnum):
    """How far a payee of a counterparty is."""

    PROPOSED = "proposed"
    AGREED = "agreed"  # By a second person: paid to from now on.
    DECLINED = "declined"


@dataclass(frozen=True)
class Terms:
    """On what terms a counterparty is settled. Days are calendar days; `minimum_minor` in the run's currency.

    A run starts `cut_off_days` after its period. Less than `minimum_minor` is carried over; `hold_back_bp` of what the
    period earned is carried over in any case, and paid with the next run.
    """

    code: str
    period: str  # week | month
    cut_off_days: int
    answer_days: int
    silence_confirms: bool
    minimum_minor: int
    hold_back_bp: int

    def record(self) -> dict[str, Any]:
        """Return the terms as a run keeps them."""
        return dict(vars(self))


@dataclass(frozen=True)
class Settled:
    """What a run comes to. `carried_in` comes from the run before, `lines` from the entries; amounts owed to the counterparty
    are positive. `payable` is paid now, `carried_out` is what the next run begins with.
    """

    carried_in: Money
    lines: Money
    held_back: Money
    payable: Money
    carried_out: Money


def ending_of(carried_out_minor: int, owed_minor: int) -> SettlementEnding:
    """Return how a run ends that pays nothing, by what it carries over and what is still owed of returned sales."""
    if carried_out_minor > 0:
        return SettlementEnding.CARRIED
    return SettlementEnding.OWING if carried_out_minor < 0 or owed_minor > 0 else SettlementEnding.NOTHING


def settled(carried_in: Money, lines: Money, terms: Terms, netted: Money | None = None) -> Settled:
    """Return what a run comes to by its terms. Raises CurrencyMismatch for amounts of two currencies.

    `netted` is what among the lines was taken off for returned sales, as they show it: negative. It lowers what is paid, and
    neither what is held back nor what is carried over, so that a run that was stated after this one stays true.
    """
    off = netted or Money(0, lines.currency)
    earned = lines - off
    due, nothing = carried_in + earned, Money(0, lines.currency)
    # Rounded down: nothing is held back that the share does not reach.
    share = max(0, earned.amount_minor) * terms.hold_back_bp // BASIS_POINTS_PER_ONE
    held_back = Money(min(share, max(0, due.amount_minor)), lines.currency)
    rest = due - held_back
    pays = rest if rest.amount_minor >= max(1, terms.minimum_minor) else nothing
    # A correction after the netting may leave less than was netted: the next run begins with what is too much.
    payable = max(pays + off, nothing, key=lambda one: one.amount_minor)
    return Settled(carried_in, lines, held_back, payable, due + off - payable)


@dataclass(frozen=True)
class StatementLine:
    """One entry of the ledger as the statement shows it; owed to the counterparty is positive. `late` counts for an earlier period."""

    line: str
    happened_on: date
    what: str
    cause: str
    card_id: str
    amount: Money
    late: bool
    note: str = ""


def is_owner(text: str) -> bool:
    """Return whether a text can be the owner word of a counterparty's account."""
    return OWNER.fullmatch(text) is not None
