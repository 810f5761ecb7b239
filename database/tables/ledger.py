"""Double entry: accounts, transactions and entries. Entries of a transaction sum to zero per currency (a trigger holds it)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey
from sqlmodel import Field, SQLModel

from database.tables.columns import moment_now, word
from domain.money import Currency


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
