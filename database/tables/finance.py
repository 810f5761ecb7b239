"""Orders to pay, corrections of payees, the gateway's notifications, and the ledger."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    minor_units,
    minor_units_maybe,
    moment_maybe,
    moment_now,
    sealed,
    word,
)
from domain.finance.payout import PayoutOutcome, PayoutState
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
    proposed_by: Mapped[str]  # seller:<id> | partner:<id> | person:<id>
    # A person who proposed it with everyone they act for; nobody for an owner.
    proposers: Mapped[list[str]] = json_list()
    reason: Mapped[str] = mapped_column(default="")  # Why, by a code of the managed list.
    account_sealed: Mapped[bytes] = sealed(required=True)
    name_sealed: Mapped[bytes] = sealed(required=True)
    masked: Mapped[str]
    proposed_at: Mapped[datetime] = moment_now()
    # person:<id> who agreed or refused; nobody for a seller's own.
    checked_by: Mapped[str | None] = mapped_column(default=None)
    applied_at: Mapped[datetime | None] = moment_maybe()
    refused_at: Mapped[datetime | None] = moment_maybe()


class PaymentNotificationRow(TableRow):
    """A notification as it arrived. A bad signature or a wrong amount is kept and changes nothing."""

    __tablename__ = "payment_notification"
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    notify_id: Mapped[str] = mapped_column(unique=True)
    key: Mapped[str] = mapped_column(index=True)
    verdict: Mapped[str]  # accepted | duplicate | signature_invalid | amount_mismatch | unknown_order
    amount_minor: Mapped[int | None] = minor_units_maybe()
    received_at: Mapped[datetime] = moment_now()
    # How often; forged ones of one day are one row, so that nobody can fill the table.
    times: Mapped[int] = mapped_column(default=1)


class AccountRow(TableRow):
    """An account, e.g. `seller_payable:seller:01H…`; kind is asset, liability, income, expense or equity."""

    __tablename__ = "account"
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]


class LedgerTransactionRow(TableRow):
    """A set of entries that happened together. `key` makes the posting idempotent."""

    __tablename__ = "ledger_transaction"
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    key: Mapped[str] = mapped_column(unique=True)
    card_id: Mapped[str | None] = mapped_column(default=None, index=True)
    what: Mapped[str]  # owed | payout_prepared | payout_paid | payout_refused | issuer_cost
    at: Mapped[datetime] = moment_now()


class EntryRow(TableRow):
    """One line of a transaction: positive is a debit, negative a credit, in minor units."""

    __tablename__ = "entry"
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    transaction_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger_transaction.id"), index=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
