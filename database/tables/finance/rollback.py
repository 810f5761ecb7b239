"""Claims against sellers for cards that were no good, with what was offset and paid back; and outcomes that two people stated."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, minor_units, moment_maybe, moment_now, word
from database.tables.finance.taken_back import TakenBack
from database.tables.finance.written_off import WriteOffAsked
from domain.finance.payout import PayoutOutcome
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackKind, RollbackState
from domain.money import Currency, Money


class RollbackRow(WriteOffAsked, TableRow):
    """A card that was found used, frozen or charged back after its seller was paid."""

    __tablename__ = "rollback"
    __table_args__ = (
        # One that was dropped before drops were reversed left its card written off: nothing is there to be claimed again.
        Index(
            "rollback_once", "card_id", unique=True,
            postgresql_where=text("state <> 'declined' AND NOT (state = 'dropped' AND reversed) AND order_key IS NULL"),
        ),
        Index(
            "rollback_of_order_once", "order_key", unique=True,
            postgresql_where=text("state <> 'declined' AND NOT (state = 'dropped' AND reversed) AND order_key IS NOT NULL"),
        ),
        Index("rollback_by_owner", "owner", "id"),
        Index("rollback_open", "id", postgresql_where=text("state IN ('proposed', 'claimed')")),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"))
    owner: Mapped[str]  # seller:<id> or partner:<id>
    kind: Mapped[RollbackKind] = word(RollbackKind, required=True)
    state: Mapped[RollbackState] = word(RollbackState, RollbackState.PROPOSED)
    # The order that was paid after all, where the seller was paid twice; None where the card was no good.
    order_key: Mapped[str | None] = mapped_column(ForeignKey("payout.key"), default=None)
    price_minor: Mapped[int] = minor_units()  # What was paid for the card, or paid twice.
    amount_minor: Mapped[int] = minor_units()  # What is claimed of it.
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    policy_version: Mapped[str]
    in_stock: Mapped[bool] = mapped_column(
        default=True
    )  # The claim took its cost out of the inventory; else out of what sold cards had cost.
    given_up_minor: Mapped[int] = mapped_column(
        BigInteger, default=0
    )  # The part of the claim that is no longer owed: written off or dropped.
    reversed: Mapped[bool] = mapped_column(
        default=False
    )  # Dropped: its postings were reversed, what was offset owed again.
    words: Mapped[str]  # What was found, as the seller reads it.
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposers: Mapped[list[str]] = json_list()
    proposed_at: Mapped[datetime] = moment_now()
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    checked_at: Mapped[datetime | None] = moment_maybe()
    offset_from: Mapped[datetime | None] = moment_maybe()  # Until then the seller can object before anything is offset.
    objection_ticket: Mapped[str | None] = mapped_column(default=None)
    objected_at: Mapped[datetime | None] = moment_maybe()
    objection_answered_at: Mapped[datetime | None] = moment_maybe()
    objection_answered_by: Mapped[str | None] = mapped_column(default=None)


class RollbackOffsetRow(TableRow):
    """What one payment paid of a claim. `undone_at`: the payment was refused for certain."""

    __tablename__ = "rollback_offset"
    __table_args__ = (Index("rollback_offset_by_order", "payout_key"),)
    rollback_id: Mapped[str] = mapped_column(ForeignKey("rollback.id"), primary_key=True)
    payout_key: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int] = minor_units()
    at: Mapped[datetime] = moment_now()
    undone_at: Mapped[datetime | None] = moment_maybe()


class ClaimReceiptRow(TakenBack, TableRow):
    """Money that a seller paid back of a claim, as it arrived on a rail. `reversed_at`: two people found that it had not."""

    __tablename__ = "claim_receipt"
    __table_args__ = (
        Index("claim_receipt_of_claim", "claim_id", "id"),
        Index(
            "claim_receipt_reference_once", "claim_id", "rail", "reference", unique=True,
            postgresql_where=text("reversed_at IS NULL AND clearing_id IS NULL"),
        ),
        Index(
            "claim_receipt_of_clearing", "clearing_id", unique=True, postgresql_where=text("clearing_id IS NOT NULL")
        ),
        Index(
            "claim_receipt_asked", "id", postgresql_where=text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL")
        ),
    )  # fmt: skip
    key: Mapped[str] = mapped_column(unique=True)  # The idempotency key of who recorded it.
    claim_id: Mapped[str] = mapped_column(ForeignKey("rollback.id"))
    rail: Mapped[Rail] = word(Rail, required=True)
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    reference: Mapped[str]  # The rail's own, as on its statement.
    received_on: Mapped[date]
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime] = moment_now()
    recovered_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # What of it had been written off.
    # What two people said of money in suspense: it posted the payment, and its reversal takes it back.
    clearing_id: Mapped[str | None] = mapped_column(ForeignKey("suspense_clearing.id"), default=None)

    @property
    def recovered(self) -> Money:
        """What of the amount had been written off."""
        return Money(self.recovered_minor, self.currency)

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)


class StatedOutcomeRow(TableRow):
    """What became of an order as two people of finance state it, by a document: the provider does not say."""

    __tablename__ = "stated_outcome"
    __table_args__ = (
        Index(
            "stated_outcome_once",
            "key",
            unique=True,
            postgresql_where=text("agreed_at IS NULL AND declined_at IS NULL"),
        ),
        Index("stated_outcome_by_key", "key", "stated_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]  # Of a payout or a goodwill_order.
    outcome: Mapped[PayoutOutcome] = word(PayoutOutcome, required=True)
    reason: Mapped[str]
    reference: Mapped[str] = mapped_column(default="")  # The provider's, where it was paid.
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    stated_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    staters: Mapped[list[str]] = json_list()
    stated_at: Mapped[datetime] = moment_now()
    agreed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    agreed_at: Mapped[datetime | None] = moment_maybe()
    declined_by: Mapped[str | None] = mapped_column(default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()
