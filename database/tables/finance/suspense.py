"""What money in suspense was said to be, and decisions that were reversed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, json_object, minor_units, moment_maybe, moment_now, word
from domain.finance.rails import Rail
from domain.finance.reversals import ReversalOf
from domain.finance.suspense import ClearedAs
from domain.money import Currency, Money


class SuspenseClearingRow(TableRow):
    """So much of one entry in suspense, and what it is: proposed by one person, agreed to by another."""

    __tablename__ = "suspense_clearing"
    __table_args__ = (
        Index("suspense_clearing_of_entry", "entry_id"),
        Index("suspense_clearing_of_other", "other_entry_id", postgresql_where=text("other_entry_id IS NOT NULL")),
        Index("suspense_clearing_waits", "id", postgresql_where=text("agreed_at IS NULL AND declined_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("entry.id"))
    rail: Mapped[Rail] = word(Rail, required=True)
    cleared_as: Mapped[ClearedAs] = word(ClearedAs, required=True)
    came_in: Mapped[bool]
    amount_minor: Mapped[int] = minor_units()  # Positive.
    reason: Mapped[str]
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    buyer: Mapped[str] = mapped_column(default="")  # The code of a buyer, or the owner of a counterparty.
    # The other half of what went back.
    other_entry_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("entry.id"), default=None)
    claim_id: Mapped[str | None] = mapped_column(
        ForeignKey("rollback.id"), default=None
    )  # The claim that a seller paid of.
    proposers: Mapped[list[str]] = json_list()
    proposed_at: Mapped[datetime] = moment_now()
    agreed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    agreed_at: Mapped[datetime | None] = moment_maybe()
    declined_by: Mapped[str | None] = mapped_column(default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()
    posted_key: Mapped[str] = mapped_column(default="")  # Empty for what went back: both entries offset each other.
    reversed_at: Mapped[datetime | None] = moment_maybe()

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)


class ReversalRow(TableRow):
    """A decision that one person asked to reverse; once another agreed, `decided` keeps what it was."""

    __tablename__ = "decision_reversal"
    __table_args__ = (
        Index(
            "decision_reversal_once", "of", "subject", unique=True,
            postgresql_where=text("agreed_at IS NULL AND declined_at IS NULL"),
        ),
        Index("decision_reversal_by_subject", "of", "subject", "id"),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    of: Mapped[ReversalOf] = word(ReversalOf, required=True)
    subject: Mapped[str]  # The id of the break or the clearing.
    counts_for: Mapped[date]
    reason: Mapped[str]
    asked_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    askers: Mapped[list[str]] = json_list()
    asked_at: Mapped[datetime] = moment_now()
    agreed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    agreed_at: Mapped[datetime | None] = moment_maybe()
    declined_by: Mapped[str | None] = mapped_column(default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()
    decided: Mapped[dict[str, str]] = (
        json_object()
    )  # verb, reason_code, note, against, link, by, checked_by, at, posted_key
    posted_key: Mapped[str] = mapped_column(default="")  # Of the reversal; empty where the decision had posted nothing.
