"""Statements of providers and banks, their lines, what our books expect to see there, and where both differ."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    json_object,
    minor_units,
    minor_units_maybe,
    moment,
    moment_maybe,
    moment_now,
    sealed,
    word,
    word_key,
)
from domain.finance.breaks import Against, BreakKind, BreakState, Verb
from domain.finance.statements import LineKind, LineState, Rejected, StatementSource, StatementState
from domain.money import Currency, Money


class StatementRow(TableRow):
    """One file as it came, once by its content. Counts and sums are those of its lines."""

    __tablename__ = "statement"
    __table_args__ = (
        Index("statement_by_day", "source", "last_day"),
        Index("statement_to_judge", "ended_at", postgresql_where=text("state = 'imported' AND judged_at IS NULL")),
        Index("statement_waiting", "brought_at", postgresql_where=text("state = 'received'")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    given_day: Mapped[date | None] = mapped_column(default=None)  # Of a file that names no day itself.
    state: Mapped[StatementState] = word(StatementState, StatementState.RECEIVED)
    refused_as: Mapped[str] = mapped_column(default="")  # The code of the refusal, and its data.
    refused_with: Mapped[dict[str, object]] = json_object()
    source: Mapped[StatementSource | None] = word(StatementSource)  # None until it was read.
    account: Mapped[str] = mapped_column(default="")
    first_day: Mapped[date | None] = mapped_column(default=None)
    last_day: Mapped[date | None] = mapped_column(default=None)
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    progress: Mapped[int] = mapped_column(default=0)  # Lines read so far; known to others before the import ends.
    lines: Mapped[int] = mapped_column(default=0)  # Taken from this file.
    known: Mapped[int] = mapped_column(default=0)  # Were in another file before.
    rejected: Mapped[int] = mapped_column(default=0)
    matched: Mapped[int] = mapped_column(default=0)  # Of the lines taken, as they were imported.
    in_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    out_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # Positive.
    opening_minor: Mapped[int | None] = minor_units_maybe()
    closing_minor: Mapped[int | None] = minor_units_maybe()
    brought_by: Mapped[str]  # person:<id> | machine:bills | command:<user>
    brought_at: Mapped[datetime] = moment_now()
    ended_at: Mapped[datetime | None] = moment_maybe()
    judged_at: Mapped[datetime | None] = moment_maybe()  # When its lines were matched and its breaks found.


class StatementPieceRow(TableRow):
    """A piece of a file's bytes, sealed: the original, which names people."""

    __tablename__ = "statement_piece"
    statement_id: Mapped[str] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content_sealed: Mapped[bytes] = sealed(required=True)


class StatementLineRow(TableRow):
    """One line, once whatever file it came in. No foreign keys: a file has a million, and nothing of a statement is deleted."""

    __tablename__ = "statement_line"
    __table_args__ = (
        Index("statement_line_of_file", "statement_id", "number"),
        Index("statement_line_of_entry", "entry_id", unique=True, postgresql_where=text("entry_id IS NOT NULL")),
        Index("statement_line_open", "source", "day", postgresql_where=text("state = 'open'")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)  # By the provider's own number: alipay-<account>-<number>.
    statement_id: Mapped[str]
    number: Mapped[int]  # In the file, from 1.
    source: Mapped[StatementSource] = word(StatementSource, required=True)
    account: Mapped[str]
    kind: Mapped[LineKind] = word(LineKind, required=True)
    key: Mapped[str]  # The number that we gave the order; empty where the line names none.
    reference: Mapped[str]  # The provider's number of the order.
    amount_minor: Mapped[int] = minor_units()  # Positive came in, negative went out.
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    at: Mapped[datetime] = moment()
    day: Mapped[date]  # Of Beijing, as the provider counts.
    state: Mapped[LineState] = word(LineState, LineState.OPEN)
    entry_id: Mapped[int | None] = mapped_column(BigInteger, default=None)  # The expectation that it is.

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)


class RejectedLineRow(TableRow):
    """A line that was not taken, with how it reads; that may name a person."""

    __tablename__ = "statement_rejected"
    statement_id: Mapped[str] = mapped_column(ForeignKey("statement.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    why: Mapped[Rejected] = word(Rejected, required=True)
    text_sealed: Mapped[bytes] = sealed(required=True)


class ExpectationRow(TableRow):
    """An entry of an account that a statement is compared with: what we expect to see there. Its id is the entry's."""

    __tablename__ = "expectation"
    __table_args__ = (
        Index("expectation_by_key", "source", "key", "entry_id"),
        Index("expectation_by_reference", "source", "reference", postgresql_where=text("reference <> ''")),
        Index("expectation_by_day", "source", "day"),
        Index("expectation_by_amount", "source", "amount_minor", "day"),
        Index("expectation_of_line", "line_id", postgresql_where=text("line_id IS NOT NULL")),
    )
    entry_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    source: Mapped[StatementSource] = word(StatementSource, required=True)
    account: Mapped[str]  # The issuer; empty for a rail.
    key: Mapped[str]
    reference: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    at: Mapped[datetime] = moment()
    day: Mapped[date]  # Of Beijing, as statements are dated.
    cause: Mapped[str]
    card_id: Mapped[str | None] = mapped_column(default=None)
    # An adjustment: the line that it was posted for, which is another expectation's too where amounts differed.
    line_id: Mapped[str | None] = mapped_column(default=None)
    break_id: Mapped[str | None] = mapped_column(default=None)  # The break that closed it without a line.
    # The entry that takes this one back, or that this one takes back: it was recorded in error, and no statement shows either.
    cancelled_by: Mapped[int | None] = mapped_column(BigInteger, default=None)

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)


class BreakRow(TableRow):
    """Where a statement and our books differ. Lease, order and clock are in the work item `task_id`."""

    __tablename__ = "statement_break"
    __table_args__ = (
        Index("statement_break_of_line", "line_id", unique=True, postgresql_where=text("state <> 'closed' AND line_id IS NOT NULL")),
        Index("statement_break_of_entry", "entry_id", unique=True, postgresql_where=text("state <> 'closed' AND line_id IS NULL")),
        Index("statement_break_by_ending", text('"right"(id, 4)')),
        Index("statement_break_open", "source", "day", postgresql_where=text("state <> 'closed'")),
        Index("statement_break_without_work", "id", postgresql_where=text("state <> 'closed' AND task_id IS NULL")),
        Index("statement_break_posted", "posted_key", postgresql_where=text("posted_key <> ''")),
        Index("statement_break_ignored", "source", "day", postgresql_where=text("verb = 'ignore' AND state = 'closed'")),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[BreakKind] = word(BreakKind, required=True)
    source: Mapped[StatementSource] = word(StatementSource, required=True)
    account: Mapped[str] = mapped_column(default="")
    day: Mapped[date]
    line_id: Mapped[str | None] = mapped_column(default=None)
    entry_id: Mapped[int | None] = mapped_column(BigInteger, default=None)
    amount_minor: Mapped[int] = minor_units()  # Of the line, or of the expectation where there is none.
    difference_minor: Mapped[int] = minor_units()  # What the statement has more than our books, signed.
    found_minor: Mapped[int | None] = (
        minor_units_maybe()
    )  # The difference as it was found; a decision may leave another.
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    since: Mapped[datetime] = moment()  # When the money moved.
    found_at: Mapped[datetime] = moment_now()
    task_id: Mapped[str | None] = mapped_column(ForeignKey("work_item.id"), default=None)
    state: Mapped[BreakState] = word(BreakState, BreakState.OPEN)
    verb: Mapped[Verb | None] = word(Verb)
    reason_code: Mapped[str] = mapped_column(default="")  # Of the managed list `close_break`.
    note: Mapped[str] = mapped_column(default="")
    against: Mapped[Against | None] = word(Against)
    link: Mapped[str] = mapped_column(default="")  # What it belongs to instead: a line, or the number of an entry.
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    deciders: Mapped[list[str]] = json_list()  # That person and everyone they act for.
    decided_at: Mapped[datetime | None] = moment_maybe()
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    closed_at: Mapped[datetime | None] = moment_maybe()
    posted_key: Mapped[str] = mapped_column(default="")  # The ledger_transaction that closed it.
    policy_version: Mapped[str] = mapped_column(default="")
    reversal_id: Mapped[str | None] = mapped_column(
        ForeignKey("decision_reversal.id"), default=None
    )  # It opened the break again.

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)

    @property
    def difference(self) -> Money:
        """The difference with its currency."""
        return Money(self.difference_minor, self.currency)


class ReconciledDayRow(TableRow):
    """A day of a source that a person closed, or asked a second one to close, with what was open then."""

    __tablename__ = "reconciled_day"
    source: Mapped[StatementSource] = word_key(StatementSource)
    day: Mapped[date] = mapped_column(primary_key=True)
    asked_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    askers: Mapped[list[str]] = json_list()
    asked_at: Mapped[datetime] = moment_now()
    agreed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    closed_at: Mapped[datetime | None] = moment_maybe()
    note: Mapped[str] = mapped_column(default="")
    statement_minor: Mapped[int] = minor_units()  # Closing balance of the statements.
    books_minor: Mapped[int] = minor_units()  # Closing balance of our account.
    breaks: Mapped[int]
    open_minor: Mapped[int] = minor_units()  # The sum of what was open, each without its sign.
    unexplained_minor: Mapped[int] = minor_units()
    policy_version: Mapped[str]
    suspense_minor: Mapped[int] = mapped_column(
        BigInteger, default=0
    )  # The sum in suspense, each entry without its sign.

    @property
    def statement_says(self) -> Money:
        """The closing balance of the statements."""
        return Money(self.statement_minor)

    @property
    def still_open(self) -> Money:
        """The sum of what was open."""
        return Money(self.open_minor)

    @property
    def in_suspense(self) -> Money:
        """Return the sum in suspense."""
        return Money(self.suspense_minor)
