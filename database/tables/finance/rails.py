"""What single rails keep of their orders: the receiver's confirmation, a bank's batches, and money that came back."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    minor_units,
    minor_units_maybe,
    moment,
    moment_maybe,
    moment_now,
    sealed,
    word,
)
from domain.finance.banks import BatchState
from domain.finance.payout import Heard, PayoutOutcome
from domain.money import Currency, Money


class ConfirmationRow(TableRow):
    """A transfer that its receiver has to confirm; what it ends as is the order's own outcome."""

    __tablename__ = "payout_confirmation"
    __table_args__ = (
        Index("payout_confirmation_open", "expires_at", postgresql_where=text("closed_at IS NULL")),
        Index("payout_confirmation_by_card", "card_id"),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str | None] = mapped_column(default=None)  # None: a goodwill payment.
    # Opens the confirmation in the provider's app; None where the answer that held it was lost.
    package_sealed: Mapped[bytes | None] = sealed()
    opened_at: Mapped[datetime] = moment_now()
    expires_at: Mapped[datetime] = moment()
    cancel_asked_by: Mapped[str | None] = mapped_column(default=None)  # seller:<id> | person:<id>
    cancel_asked_at: Mapped[datetime | None] = moment_maybe()
    cancel_sent_at: Mapped[datetime | None] = moment_maybe()
    closed_at: Mapped[datetime | None] = moment_maybe()


class BankBatchRow(TableRow):
    """Orders that leave for a bank in one file, once a second person agrees; its lines never change after that."""

    __tablename__ = "bank_batch"
    __table_args__ = (Index("bank_batch_open", "proposed_at", postgresql_where=text("finished_at IS NULL")),)
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)  # CL20261129-3: as the bank knows it.
    bank: Mapped[str]  # The name of its format.
    state: Mapped[BatchState] = word(BatchState, BatchState.PROPOSED)
    day: Mapped[date]
    lines: Mapped[int]
    sum_minor: Mapped[int] = minor_units()
    proposed_by: Mapped[str]  # person.id
    proposers: Mapped[list[str]] = json_list()  # With everyone they act for.
    proposed_at: Mapped[datetime] = moment_now()
    checked_by: Mapped[str | None] = mapped_column(default=None)
    checked_at: Mapped[datetime | None] = moment_maybe()
    sha256: Mapped[str | None] = mapped_column(default=None)  # Of the file as it was first taken: hex.
    taken_by: Mapped[str | None] = mapped_column(default=None)
    taken_at: Mapped[datetime | None] = moment_maybe()
    finished_at: Mapped[datetime | None] = moment_maybe()


class BankLineRow(TableRow):
    """An order on the bank's rail: it waits, belongs to a batch, and has the bank's word. The payee is in the order's own row."""

    __tablename__ = "bank_line"
    __table_args__ = (
        Index("bank_line_waiting", "entered_at", postgresql_where=text("batch_id IS NULL")),
        Index("bank_line_of_batch", "batch_id", "number"),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    entered_at: Mapped[datetime] = moment_now()
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("bank_batch.id"), default=None)
    number: Mapped[int | None] = mapped_column(default=None)  # In its batch, from 1.
    outcome: Mapped[PayoutOutcome | None] = word(PayoutOutcome)
    said: Mapped[str | None] = mapped_column(default=None)  # The bank's own word.
    reference: Mapped[str | None] = mapped_column(default=None)
    said_at: Mapped[datetime | None] = moment_maybe()


class BankFileRow(TableRow):
    """A file of results that was taken in: the same bytes are taken in once."""

    __tablename__ = "bank_file"
    sha256: Mapped[str] = mapped_column(primary_key=True)  # hex
    batch_id: Mapped[str] = mapped_column(ForeignKey("bank_batch.id"), index=True)
    taken_in_by: Mapped[str]
    taken_in_at: Mapped[datetime] = moment_now()
    lines: Mapped[int]


class ReturnRow(TableRow):
    """Money of a paid order that came back, or is said to: it counts once the gateway itself, or its file, says so."""

    __tablename__ = "payout_return"
    __table_args__ = (
        Index("payout_return_claimed", "claimed_at", postgresql_where=text("returned_at IS NULL")),
        Index(
            "payout_return_differs",
            "confirmed_at",
            postgresql_where=text("returned_at IS NULL AND confirmed_minor IS NOT NULL"),
        ),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    claimed_at: Mapped[datetime] = moment_now()
    asked_at: Mapped[datetime | None] = moment_maybe()
    reference: Mapped[str | None] = mapped_column(default=None)
    returned_at: Mapped[datetime | None] = moment_maybe()
    # Another amount than was paid, in all, as the gateway or its statement said last: people book it or dismiss it.
    confirmed_minor: Mapped[int | None] = minor_units_maybe()
    confirmed_at: Mapped[datetime | None] = moment_maybe()  # Since when it is known.
    # A person found that this amount did not come back; another amount that the gateway says later is open again.
    dismissed_minor: Mapped[int | None] = minor_units_maybe()
    dismissed_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    dismissed_at: Mapped[datetime | None] = moment_maybe()
    dismissed_reason: Mapped[str] = mapped_column(default="")


class PartReturnRow(TableRow):
    """A part of a card's payment that came back, booked by two people: our cash again, and owed to the seller again."""

    __tablename__ = "part_return"
    __table_args__ = (
        Index(
            "part_return_waits_once", "key", unique=True, postgresql_where=text("agreed_at IS NULL AND declined_at IS NULL")
        ),
        Index("part_return_by_order", "key", "id"),
        Index("part_return_by_card", "card_id"),
        Index("part_return_by_owner", "owner", "id"),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(ForeignKey("payout.key"))  # Of the order, and of its row in payout_return.
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"))
    owner: Mapped[str]  # seller:<id> or partner:<id>
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    reason: Mapped[str]
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposers: Mapped[list[str]] = json_list()  # With everyone they act for.
    proposed_at: Mapped[datetime] = moment_now()
    agreed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    agreed_at: Mapped[datetime | None] = moment_maybe()
    declined_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)


class ContradictionRow(TableRow):
    """A provider's word that is the opposite of an order's certain outcome: it moves nothing, and stands until a person has looked."""

    __tablename__ = "payout_contradiction"
    __table_args__ = (Index("payout_contradiction_open", "heard_at", postgresql_where=text("cleared_at IS NULL")),)
    key: Mapped[str] = mapped_column(primary_key=True)
    said: Mapped[PayoutOutcome] = word(PayoutOutcome, required=True)
    stands: Mapped[PayoutOutcome] = word(PayoutOutcome, required=True)  # As the order stood then.
    heard: Mapped[Heard] = word(Heard, required=True)
    heard_at: Mapped[datetime] = moment_now()
    cleared_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    cleared_at: Mapped[datetime | None] = moment_maybe()
    cleared_reason: Mapped[str | None] = mapped_column(default=None)
