"""Orders to pay, corrections of payees, the gateway's notifications, and the ledger."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, minor_units, minor_units_maybe, moment_maybe, moment_now, sealed, word
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.money import Currency


class PayoutRow(SQLModel, table=True):
    """One payment order. Its key is the gateway's idempotency key and never changes, nor does its payee."""

    __tablename__ = "payout"
    __table_args__ = (
        Index("payout_settled", "settled_at", postgresql_where=text("state = 'paid'")),
        Index("payout_unknown", "prepared_at", postgresql_where=text("state = 'unknown'")),
        Index("payout_by_reference", "gateway_reference", postgresql_where=text("gateway_reference IS NOT NULL")),
    )
    key: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    amount_minor: int = minor_units()
    currency: Currency = word(Currency, Currency.CNY)
    state: PayoutState = word(PayoutState, PayoutState.PREPARED)
    quote_id: str | None = None  # None for orders from before it was kept; so are the payee's columns.
    attempt: int = 1  # From 1; a later one has another payee, the order before having been refused for certain.
    payee_account_sealed: bytes | None = sealed()
    payee_name_sealed: bytes | None = sealed()
    payee_masked: str | None = None
    gateway_reference: str | None = None
    answered: PayoutOutcome | None = word(PayoutOutcome)  # What the gateway said for certain; only that is settled.
    refusal_code: str | None = None
    prepared_at: datetime = moment_now()
    settled_at: datetime | None = moment_maybe()


class PayeeCorrectionRow(SQLModel, table=True):
    """A payee in place of one that the gateway refused: by the seller at once, by staff once a second person agrees."""

    __tablename__ = "payee_correction"
    __table_args__ = (
        Index(
            "payee_correction_open_once", "submission_id", unique=True,
            postgresql_where=text("applied_at IS NULL AND refused_at IS NULL"),
        ),
        Index("payee_correction_by_submission", "submission_id"),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    submission_id: str = Field(foreign_key="submission.id")
    proposed_by: str  # seller:<id> | partner:<id> | person:<id>
    proposers: list[str] = json_list()  # A person who proposed it with everyone they act for; nobody for an owner.
    reason: str = ""  # Why, by a code of the managed list.
    account_sealed: bytes = sealed(required=True)
    name_sealed: bytes = sealed(required=True)
    masked: str
    proposed_at: datetime = moment_now()
    checked_by: str | None = None  # person:<id> who agreed or refused; nobody for a seller's own.
    applied_at: datetime | None = moment_maybe()
    refused_at: datetime | None = moment_maybe()


class PaymentNotificationRow(SQLModel, table=True):
    """A notification as it arrived. A bad signature or a wrong amount is kept and changes nothing."""

    __tablename__ = "payment_notification"
    id: int | None = Field(default=None, primary_key=True)
    notify_id: str = Field(unique=True)
    key: str = Field(index=True)
    verdict: str  # accepted | duplicate | signature_invalid | amount_mismatch | unknown_order
    amount_minor: int | None = minor_units_maybe()
    received_at: datetime = moment_now()
    times: int = 1  # How often; forged ones of one day are one row, so that nobody can fill the table.


class AccountRow(SQLModel, table=True):
    """An account, e.g. `seller_payable:seller:01H…`; kind is asset, liability, income, expense or equity."""

    __tablename__ = "account"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    code: str = Field(unique=True)
    kind: str


class LedgerTransactionRow(SQLModel, table=True):
    """A set of entries that happened together. `key` makes the posting idempotent."""

    __tablename__ = "ledger_transaction"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    key: str = Field(unique=True)
    card_id: str | None = Field(default=None, index=True)
    what: str  # owed | payout_prepared | payout_paid | payout_refused | issuer_cost
    at: datetime = moment_now()


class EntryRow(SQLModel, table=True):
    """One line of a transaction: positive is a debit, negative a credit, in minor units."""

    __tablename__ = "entry"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    transaction_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("ledger_transaction.id"), nullable=False, index=True)
    )
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False, index=True))
    amount_minor: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: Currency = word(Currency, Currency.CNY)
