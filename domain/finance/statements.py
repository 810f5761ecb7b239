"""Statements of providers and banks: what a line of one says, why a line is not taken, and which account of ours it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from domain.finance.chart import Account, account
from domain.finance.rails import Rail
from domain.money import Currency

AMOUNT_MINOR_MAX = 2**63 - 1  # What the ledger can hold.
FILE_BYTES_MAX = 400 * 1024 * 1024  # Of one file as it comes.
UNPACKED_BYTES_MAX = 2 * 1024 * 1024 * 1024  # Of the list inside of it.
NAME_MAX, KEY_MAX, REJECTED_TEXT_MAX = 120, 128, 2000


class StatementSource(StrEnum):
    """Who says what moved. The first three are rails; an issuer bills calls of its interface."""

    ALIPAY = "alipay"
    WECHAT = "wechat"
    BANK = "bank"
    ISSUER = "issuer"

    @property
    def own(self) -> Account:
        """The account of ours that its lines are compared with."""
        return account("issuer_payable") if self is StatementSource.ISSUER else account("cash", self.value)

    @property
    def rail(self) -> Rail | None:
        """The rail whose money it lists; None for issuers."""
        return None if self is StatementSource.ISSUER else Rail(self.value)


class StatementState(StrEnum):
    """How far a file is."""

    RECEIVED = "received"  # Kept; its lines are not read yet.
    IMPORTED = "imported"  # Every line is kept, or rejected with its reason.
    REFUSED = "refused"  # As a whole; nothing of it counts.


class LineKind(StrEnum):
    """What a line says that moved, by the provider's own word for it."""

    TRANSFER = "transfer"  # We paid a person.
    RETURNED = "returned"  # A payment came back.
    FEE = "fee"  # The provider's charge.
    FUNDS = "funds"  # Our own money between our accounts: topping up, withdrawing.
    CALL = "call"  # An issuer's call, on its invoice.
    OTHER = "other"


class LineState(StrEnum):
    """What a line was matched with."""

    OPEN = "open"  # Nothing yet.
    AUTO = "auto"  # By key, or by a rule.
    MANUAL = "manual"  # A person chose what it belongs to.
    FORCE = "force"  # Two people matched what differs.
    IGNORED = "ignored"  # A person said, with a reason, that nothing of ours belongs to it.


class Rejected(StrEnum):
    """Why a line was not taken."""

    COLUMNS = "columns"  # Too few or too many values.
    AMOUNT = (
        "amount"  # Not written as this provider writes amounts: grouped, `-0`, full-width digits, two decimals missing.
    )
    AMOUNT_TOO_LARGE = "amount_too_large"  # More than the ledger can hold.
    AMOUNT_ZERO = "amount_zero"
    MOMENT = "moment"  # No date and time.
    OUTSIDE = "outside"  # Its day is not one of the statement's.
    NO_SERIAL = "no_serial"  # Without the provider's number it could be taken twice.
    TWICE = "twice"  # The same number appears earlier in this file.
    DIFFERS = "differs"  # The same number was imported before with other values.
    FOREIGN = "foreign"  # It belongs to another account.
    TEXT = "text"  # Characters that are no text.


@dataclass(frozen=True)
class StatementHead:
    """What a file says of itself before its lines; `account` is empty where the format names none."""

    source: StatementSource
    account: str
    first_day: date | None
    last_day: date | None
    currency: Currency = Currency.CNY


@dataclass(frozen=True)
class StatementFoot:
    """What the lines of a file came to, once its own sums were found to agree. Amounts in minor units."""

    lines: int  # With the rejected ones.
    in_minor: int
    out_minor: int  # Positive.
    opening_minor: int | None  # None where the format has no balances.
    closing_minor: int | None
    first_day: date | None
    last_day: date | None


# id, number, kind, key, reference, amount in minor units, currency, moment (ISO 8601, with its zone), day: a tuple of what is
# written as it is, because a file has a million.
Line = tuple[str, int, str, str, str, int, str, str, date]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines as columns, in the order of a Line's values: what is made, looked at and copied for whole columns at a time costs
    a third of what it costs line by line.
    """

    ids: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)
    currencies: list[str] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    days: list[date] = field(default_factory=list)

    @staticmethod
    def of(lines: Iterable[Line]) -> Lines:
        """Return these lines."""
        made = Lines()
        for line in lines:
            made.add(line)
        return made

    def add(self, line: Line) -> None:
        """Put a line behind the others."""
        for column, value in zip(self.columns(), line, strict=True):
            column.append(value)

    def add_all(self, lines: Lines) -> None:
        """Put lines behind the others."""
        for column, values in zip(self.columns(), lines.columns(), strict=True):
            column.extend(values)

    def columns(self) -> tuple[list[Any], ...]:
        """Return the columns."""
        return (
            self.ids, self.numbers, self.kinds, self.keys, self.references, self.amounts, self.currencies, self.moments,
            self.days,
        )  # fmt: skip

    def __iter__(self) -> Iterator[Line]:
        return zip(*self.columns(), strict=True)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class RejectedLine:
    """A rejected line: its place in the file, the reason, and its text."""

    number: int
    why: Rejected
    text: str


@dataclass(frozen=True)
class Batch:
    """So many lines of a file, in its order."""

    lines: Lines = field(default_factory=Lines)
    rejected: list[RejectedLine] = field(default_factory=list)


def line_id(source: StatementSource, account: str, serial: str) -> str:
    """Return the id of a line by the provider's own number for it: the same line has it in every file."""
    return f"{source.value}-{account}-{serial}"
