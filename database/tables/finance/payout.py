"""Orders to pay, corrections of payees, and the gateway's notifications."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    json_object,
    minor_units,
    minor_units_maybe,
    moment_maybe,
    moment_now,
    sealed,
    word,
)
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.money import Currency


class PayoutRow(TableRow):
    """One payment order. Its key is the gateway's idempotency key and never changes, nor does its payee."""

    __tablename__ = "payout"
    __table_args__ = (
        Index("payout_settled", "settled_at", postgresql_where=text("state = 'paid'")),
        Index("payout_unknown", "prepared_at", postgresql_where=text("state = 'unknown'")),
        Index("payout_by_reference", "gateway_reference", postgresql_where=text("gateway_reference IS NOT NULL")),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    rail: Mapped[Rail] = word(Rail, Rail.ALIPAY)
    state: Mapped[PayoutState] = word(PayoutState, PayoutState.PREPARED)
    # None for orders from before it was kept; so are the payee's columns.
    quote_id: Mapped[str | None] = mapped_column(default=None)
    # From 1; a later one has another payee, the order before having been refused for certain.
    attempt: Mapped[int] = mapped_column(default=1)
    payee_account_sealed: Mapped[bytes | None] = sealed()
    payee_name_sealed: Mapped[bytes | None] = sealed()
    payee_masked: Mapped[str | None] = mapped_column(default=None)
    gateway_reference: Mapped[str | None] = mapped_column(default=None)
    # What the gateway said for certain; only that is settled.
    answered: Mapped[PayoutOutcome | None] = word(PayoutOutcome)
    refusal_code: Mapped[str | None] = mapped_column(default=None)
    prepared_at: Mapped[datetime] = moment_now()
    settled_at: Mapped[datetime | None] = moment_maybe()
    # By which version of the routing policy, and by what facts, its rail was chosen; None for orders from before.
    routing_version: Mapped[str | None] = mapped_column(default=None)
    routed: Mapped[dict[str, str]] = json_object()
    payee_index: Mapped[str | None] = mapped_column(default=None)  # As of the submission.
    offset_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # Of claims; never in `amount_minor`.
    tried_at: Mapped[datetime | None] = moment_maybe()  # When it was last about to be sent.
    stated_id: Mapped[str | None] = mapped_column(default=None)  # Two people said the outcome: stated_outcome.id


class PayeeCorrectionRow(TableRow):
    """A payee in place of one that the gateway refused: by the seller at once, by staff once a second person agrees."""

    __tablename__ = "payee_correction"
    __table_args__ = (
        Index(
            "payee_correction_open_once", "submission_id", unique=True,
            postgresql_where=text("applied_at IS NULL AND refused_at IS NULL"),
        ),
        Index("payee_correction_by_submission", "submission_id"),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))
    proposed_by: Mapped[str]  # seller:<id> | partner:<id> | person:<id> | routing
    # A person who proposed it with everyone they act for; empty for an owner.
    proposers: Mapped[list[str]] = json_list()
    reason: Mapped[str] = mapped_column(default="")  # Why, by a code of the managed list.
    account_sealed: Mapped[bytes] = sealed(required=True)
    name_sealed: Mapped[bytes] = sealed(required=True)
    masked: Mapped[str]
    rail: Mapped[Rail] = word(Rail, Rail.ALIPAY)
    proposed_at: Mapped[datetime] = moment_now()
    # person:<id> who agreed or refused; empty for a seller's own.
    checked_by: Mapped[str | None] = mapped_column(default=None)
    applied_at: Mapped[datetime | None] = moment_maybe()
    refused_at: Mapped[datetime | None] = moment_maybe()
    # By `routing`: the amount, what the transfer costs on each rail that could take it, and limits that it would pass there.
    weighed: Mapped[dict[str, object]] = json_object()


class PaymentNotificationRow(TableRow):
    """A notification as it arrived. A bad signature or a wrong amount is kept and changes nothing."""

    __tablename__ = "payment_notification"
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    notify_id: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str] = mapped_column(index=True)
    rail: Mapped[Rail] = word(Rail, Rail.ALIPAY)
    verdict: Mapped[str]  # accepted | duplicate | signature_invalid | amount_mismatch | unknown_order
    amount_minor: Mapped[int | None] = minor_units_maybe()
    received_at: Mapped[datetime] = moment_now()
    # How often; forged ones of one day are one row, so that a flood cannot fill the table.
    times: Mapped[int] = mapped_column(default=1)
