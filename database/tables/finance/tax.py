"""Tax withheld from payments, and who signed the rules off."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, minor_units, moment_maybe, moment_now, word
from domain.finance.tax import IncomeKind
from domain.money import Currency


class TaxWithholdingRow(TableRow):
    """What was withheld from one payment order, also where it is nothing; taken back when the payment was refused."""

    __tablename__ = "tax_withholding"
    __table_args__ = (
        Index("tax_withholding_by_owner", "owner", "day"),
        Index("tax_withholding_by_day", "day", "key"),
    )
    key: Mapped[str] = mapped_column(ForeignKey("payout.key"), primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"))
    owner: Mapped[str]  # seller:<id> or partner:<id>
    day: Mapped[date]  # The business day on which the order was made.
    income: Mapped[IncomeKind] = word(IncomeKind, required=True)
    rule: Mapped[str]  # The code of the row of the policy.
    policy_version: Mapped[str]
    proceeds_minor: Mapped[int] = minor_units()
    cost_minor: Mapped[int] = minor_units()  # Proven.
    base_minor: Mapped[int] = minor_units()
    rate_bp: Mapped[int]
    tax_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    made_at: Mapped[datetime] = moment_now()
    given_back_at: Mapped[datetime | None] = moment_maybe()


class TaxSignOffRow(TableRow):
    """A version of the tax rules that finance has signed off."""

    __tablename__ = "tax_sign_off"
    version: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]  # person.id
    note: Mapped[str]
    signed_at: Mapped[datetime] = moment_now()
