"""How debts of buyers and partners end: written off, recovered after all, and deposits that were paid back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, minor_units, moment_maybe, moment_now, word
from database.tables.finance.sales import PaidBackRow
from database.tables.finance.taken_back import TakenBack
from database.tables.finance.written_off import WriteOffAsked
from domain.money import Currency, Money


class DebtWriteOffRow(WriteOffAsked, TableRow):
    """What a buyer or a counterparty owes and will not pay, with the document that shows it. `ended_at`: a second person agreed."""

    __tablename__ = "debt_write_off"
    __table_args__ = (
        Index("debt_write_off_of_account", "account", "currency"),
        Index("debt_write_off_waits", "id", postgresql_where=text("ended_at IS NULL AND declined_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # The idempotency key of who asked.
    account: Mapped[str]  # buyer_receivable:buyer:<code>, or partner_receivable:<owner>
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    value_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # CNY minor units: what it was booked at.
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    declined_by: Mapped[str | None] = mapped_column(default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)


class DebtRecoveryRow(TableRow):
    """What came of a debt that was written off; it counts until the posting of this key is reversed."""

    __tablename__ = "debt_recovery"
    __table_args__ = (Index("debt_recovery_of_account", "account", "currency"),)
    posted_key: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    value_minor: Mapped[int] = minor_units()  # CNY minor units: so much less is lost.
    at: Mapped[datetime] = moment_now()


class DepositRefundRow(PaidBackRow, TakenBack, TableRow):
    """What was paid back of a buyer's deposit: recorded by one person, counted once another confirmed it."""

    __tablename__ = "deposit_refund"
    __table_args__ = (
        Index(
            "deposit_refund_reference_once", "rail", "reference", unique=True,
            postgresql_where=text("declined_at IS NULL AND reversed_at IS NULL"),
        ),
        Index("deposit_refund_asked", "id", postgresql_where=text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL")),
    )  # fmt: skip
    buyer: Mapped[str]  # Their code.
    currency: Mapped[Currency] = word(Currency, Currency.CNY)

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor, self.currency)
