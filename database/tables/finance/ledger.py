"""The ledger: accounts, transactions and entries, checkpoints, holds and periods."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    minor_units,
    moment,
    moment_maybe,
    moment_now,
    word,
)
from domain.finance.chart import AccountKind, OwnerKind, Sign
from domain.finance.holds import HoldState
from domain.money import Currency


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
