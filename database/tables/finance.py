"""Orders to pay, corrections of payees, the gateway's notifications, and the ledger."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
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
)
from domain.finance.chart import AccountKind, OwnerKind, Sign
from domain.finance.holds import HoldState
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


class AccountRow(TableRow):
    """An account of one currency, e.g. `seller_payable:seller:01H…`. Its class is in `domain.finance.chart`.

    A trigger refuses a commit after which the balance, less what is held, would have a sign that `sign` does not allow.
    """

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("code", "currency", name="account_code_currency"),)
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    code: Mapped[str]
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    kind: Mapped[AccountKind] = word(AccountKind, required=True)
    owner: Mapped[OwnerKind] = word(OwnerKind, OwnerKind.PLATFORM)
    sign: Mapped[Sign] = word(Sign, Sign.EITHER)


class LedgerTransactionRow(TableRow):
    """A set of entries that happened together. `key` makes the posting idempotent."""

    __tablename__ = "ledger_transaction"
    __table_args__ = (
        Index("ledger_transaction_by_day", "effective_on", "id"),
        Index("ledger_transaction_reversed_once", "reverses", unique=True, postgresql_where=text("reverses IS NOT NULL")),
        Index("ledger_transaction_by_cause", "cause", postgresql_where=text("cause <> ''")),
    )  # fmt: skip
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    key: Mapped[str] = mapped_column(unique=True)
    card_id: Mapped[str | None] = mapped_column(default=None, index=True)
    what: Mapped[str]  # owed, payout_prepared, payout_paid …: the step that posted it.
    at: Mapped[datetime] = moment_now()
    effective_on: Mapped[date]  # The business day that it counts for; never one of a closed period.
    # Of a fact from a closed period, which is posted into the open one: the day it happened on.
    late_for: Mapped[date | None] = mapped_column(default=None)
    cause: Mapped[str] = mapped_column(default="")  # What caused it besides a card: payout:…, ticket:…, line:…
    reverses: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("ledger_transaction.id"), default=None)


class EntryRow(TableRow):
    """One line of a transaction: positive is a debit, negative a credit, in minor units."""

    __tablename__ = "entry"
    # The statement of an account, and its balance without reading the table.
    __table_args__ = (Index("entry_of_account", "account_id", "id", postgresql_include=["amount_minor", "at"]),)
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    transaction_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("ledger_transaction.id"), index=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    at: Mapped[datetime] = moment_now()


class BalanceCheckpointRow(TableRow):
    """The balance of an account after every entry up to `upto` (an entry's id). A cache: it can be made again at any time."""

    __tablename__ = "balance_checkpoint"
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"), primary_key=True)
    upto: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    balance_minor: Mapped[int] = minor_units()
    newest_at: Mapped[datetime] = moment()  # Of the entries up to `upto`.
    made_at: Mapped[datetime] = moment_now()


class HoldRow(TableRow):
    """Money set aside on an account until it is posted, given up, or its time is over. An ended hold never changes."""

    __tablename__ = "ledger_hold"
    __table_args__ = (
        Index("ledger_hold_open", "account_id", postgresql_where=text("state = 'held'")),
        Index("ledger_hold_expiring", "expires_at", postgresql_where=text("state = 'held'")),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    amount_minor: Mapped[int] = minor_units()  # Positive.
    state: Mapped[HoldState] = word(HoldState, HoldState.HELD)
    cause: Mapped[str] = mapped_column(default="")
    made_at: Mapped[datetime] = moment_now()
    expires_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment_maybe()
    posted_key: Mapped[str | None] = mapped_column(default=None)  # The ledger_transaction that used it.


class PeriodRow(TableRow):
    """A closed month: nothing is posted into it any more."""

    __tablename__ = "ledger_period"
    month: Mapped[str] = mapped_column(primary_key=True)  # 2026-11
    closed_by: Mapped[str]  # person.id
    agreed_by: Mapped[str]  # person.id of the second person
    closed_at: Mapped[datetime] = moment_now()


class PeriodBalanceRow(TableRow):
    """The balance of an account when its month was closed, and what was posted in it."""

    __tablename__ = "ledger_period_balance"
    month: Mapped[str] = mapped_column(ForeignKey("ledger_period.month"), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"), primary_key=True)
    debits_minor: Mapped[int] = minor_units()
    credits_minor: Mapped[int] = minor_units()  # Positive.
    balance_minor: Mapped[int] = minor_units()  # At the end of the month.
