"""Tax withheld from payments, and who signed the rules off."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, minor_units, moment_maybe, moment_now, word
from domain.finance.tax import IncomeKind, TaxFileKind
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


class TaxFileRow(TableRow):
    """A file of a report or certificate as a person downloaded it: it stays as it was, whatever the books say later."""

    __tablename__ = "tax_file"
    __table_args__ = (Index("tax_file_of_period", "kind", "period", "owner"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[TaxFileKind] = word(TaxFileKind, required=True)
    period: Mapped[str]  # 2026-11, 2026-Q4 or 2026
    since: Mapped[date]
    until: Mapped[date]
    owner: Mapped[str] = mapped_column(default="")  # Of a certificate.
    language: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int] = minor_units()
    sha256: Mapped[str]  # Of the whole file.
    parts: Mapped[list[str]] = json_list()  # What it is kept as: the SHA-256 of each sealed part, in order.
    figures: Mapped[str]  # The mark of its figures.
    versions: Mapped[str]  # Of the tax policy, by which its payments were judged.
    made_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = moment_now()
