"""Sales of cards, and who has which part of each."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from database.tables.columns import TableRow, json_list, minor_units, moment, moment_maybe, moment_now, word, word_key
from database.tables.finance.taken_back import TakenBack
from domain.finance.counterparties import Instalments
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor, SaleMode
from domain.finance.waterfall import Base, PartKind
from domain.money import Currency, Money


class SaleRow(TableRow):
    """One card sold. A returned one is reversed and stays; the card may then be sold again."""

    __tablename__ = "sale"
    __table_args__ = (
        Index("sale_of_card_once", "card_id", unique=True, postgresql_where=text("reversed_at IS NULL")),
        Index("sale_by_day", "sold_at", "id"),
        Index("sale_return_asked", "id", postgresql_where=text("return_asked_at IS NOT NULL AND reversed_at IS NULL")),
        Index("sale_by_ending", text('"right"(id, 4)')),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # The idempotency key of who recorded it.
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"))
    buyer: Mapped[str]  # buyer:<code>
    price_minor: Mapped[int] = minor_units()  # Without what the buyer pays on top.
    total_minor: Mapped[int] = minor_units()  # What the buyer owes: price and what comes on top.
    booked_minor: Mapped[int] = minor_units()  # The total in CNY minor units: the sum of the waterfall's lines.
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    sold_at: Mapped[datetime] = moment()
    mode: Mapped[SaleMode] = word(SaleMode, SaleMode.OWN)
    payer: Mapped[str] = mapped_column(
        default=""
    )  # The account that was charged: of the buyer, or of a licensed provider.
    paid_from: Mapped[PaidFrom] = word(PaidFrom, PaidFrom.RECEIVABLE)
    instalments: Mapped[Instalments] = word(Instalments, Instalments.NO)
    outlet: Mapped[str] = mapped_column(default="")  # The code of the outlet that had confirmed the card.
    intake_point: Mapped[str] = mapped_column(default="")  # The code of the offline point that had taken it in.
    cost_minor: Mapped[int] = minor_units()  # CNY minor units that the card had cost; 0 for a brokered one.
    policy_version: Mapped[str]  # Of the policy `splits`.
    quote_id: Mapped[str | None] = mapped_column(default=None)  # By which an own card was bought.
    # Where the price is foreign: CNY for one unit, as locked when the price was agreed.
    rate: Mapped[str | None] = mapped_column(default=None)
    rate_source: Mapped[str | None] = mapped_column(default=None)
    rate_at: Mapped[datetime | None] = moment_maybe()
    # CNY minor units, a gain is positive: what the sale and its return realised of the currency's position.
    difference_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    recorded_by: Mapped[str]  # person:<id>
    recorded_at: Mapped[datetime] = moment_now()
    reversed_at: Mapped[datetime | None] = moment_maybe()
    reversed_by: Mapped[str | None] = mapped_column(default=None)
    reversed_on: Mapped[date | None] = mapped_column(default=None)  # The day that the reversal counts for.
    reversed_why: Mapped[str | None] = mapped_column(default=None)  # A code of the managed list.
    return_asked_at: Mapped[datetime | None] = moment_maybe()  # None: no return was requested.
    return_asked_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    return_askers: Mapped[list[str]] = json_list()  # They with everyone they act for.
    # What was paid before a return and is owed back: rows of account, minor (a debit is positive) and currency.
    owed_back: Mapped[list[dict[str, Any]]] = json_list()


class SaleSplitRow(TableRow):
    """One line of a sale's waterfall, in CNY. The lines of a sale sum to what is booked of it."""

    __tablename__ = "sale_split"
    __table_args__ = (Index("sale_split_by_account", "account", "sale_id"),)
    sale_id: Mapped[str] = mapped_column(ForeignKey("sale.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)  # From 1.
    rule: Mapped[str]  # The code of the row of the policy, or of a fixed part: cost, platform, seller.
    part: Mapped[PartKind] = word(PartKind, required=True)
    account: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    base: Mapped[Base | None] = word(Base)  # Of what the rate is; None for a part without a rate.
    base_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    rate_bp: Mapped[int] = mapped_column(default=0)  # Basis points of the base.
    fixed_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # A fixed amount beside the rate.


class WithDocument(MappedAsDataclass, kw_only=True):
    """What one person records as paid with its document: it counts once another confirmed it."""

    paid_on: Mapped[date]
    evidence_name: Mapped[str]
    evidence_type: Mapped[str]
    evidence_sha256: Mapped[str]
    recorded_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    recorders: Mapped[list[str]] = json_list()  # They with everyone they act for.
    recorded_at: Mapped[datetime] = moment_now()
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    confirmed_at: Mapped[datetime | None] = moment_maybe()
    declined_by: Mapped[str | None] = mapped_column(default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()


class BrokeredPaymentRow(WithDocument, TableRow):
    """What the licensed provider paid to the seller of a brokered card: recorded by one person, counted once another confirmed it."""

    __tablename__ = "brokered_payment"
    __table_args__ = (
        Index("brokered_payment_of_sale_once", "sale_id", unique=True, postgresql_where=text("declined_at IS NULL")),
        Index(
            "brokered_payment_reference_once", "provider", "reference", unique=True,
            postgresql_where=text("declined_at IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    sale_id: Mapped[str] = mapped_column(ForeignKey("sale.id"))
    provider: Mapped[str]  # The owner of the split account that it was paid out of.
    reference: Mapped[str]  # The provider's own.
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)


class PaidBackRow(WithDocument, kw_only=True):
    """Money that we sent back: recorded with its document by one person, counted once another confirmed it."""

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # The idempotency key of who recorded it.
    rail: Mapped[Rail] = word(Rail, required=True)
    amount_minor: Mapped[int] = minor_units()
    reference: Mapped[str]  # The rail's own, as on its statement.


class ProviderRepaymentRow(PaidBackRow, TableRow):
    """What we paid back to a licensed provider of commissions whose sales came back: recorded by one person, counted once another confirmed it."""

    __tablename__ = "provider_repayment"
    __table_args__ = (
        Index(
            "provider_repayment_reference_once", "provider", "reference", unique=True,
            postgresql_where=text("declined_at IS NULL"),
        ),
    )  # fmt: skip
    provider: Mapped[str]  # Its code.

    @property
    def amount(self) -> Money:
        """The amount with its currency."""
        return Money(self.amount_minor)


class BuyerReceiptRow(TakenBack, TableRow):
    """Money that arrived on a rail: of a buyer, for what they owe or in advance, or of a licensed provider: our part of brokered sales."""

    __tablename__ = "buyer_receipt"
    __table_args__ = (
        Index(
            "buyer_receipt_asked", "id", postgresql_where=text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL")
        ),
    )
    key: Mapped[str] = mapped_column(unique=True)  # The idempotency key of who recorded it.
    buyer: Mapped[str] = mapped_column(index=True)  # buyer:<code>, or the code of a licensed provider.
    received_for: Mapped[ReceiptFor] = word(ReceiptFor, required=True)
    rail: Mapped[Rail] = word(Rail, required=True)
    owed_minor: Mapped[int] = minor_units()  # Of what the buyer owed, in its currency.
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    arrived_minor: Mapped[int] = minor_units()  # What arrived, in `arrived_currency`.
    arrived_currency: Mapped[Currency] = word(Currency, Currency.CNY)
    difference_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # CNY minor units: a gain is positive.
    reference: Mapped[str]  # The rail's own, as on its statement.
    received_on: Mapped[date]
    recorded_by: Mapped[str]  # person:<id>
    recorded_at: Mapped[datetime] = moment_now()


class FxExchangeRow(TakenBack, TableRow):
    """Foreign money of ours that was exchanged into CNY on the account that kept it; posted at once, or when another person confirms."""

    __tablename__ = "fx_exchange"
    __table_args__ = (
        Index("fx_exchange_asked", "id", postgresql_where=text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL")),
    )
    key: Mapped[str] = mapped_column(unique=True)  # The idempotency key of who recorded it.
    account: Mapped[str]  # cash:<rail>, or split_account:<provider>
    currency: Mapped[Currency] = word(Currency, required=True)
    sold_minor: Mapped[int] = minor_units()  # In `currency`.
    arrived_minor: Mapped[int] = minor_units()  # CNY minor units.
    rate: Mapped[str]  # CNY for one unit, a decimal as text.
    rate_source: Mapped[str]
    rate_at: Mapped[datetime] = moment()
    reference: Mapped[str]  # The bank's or the provider's own, as on the account's statement.
    exchanged_on: Mapped[date]
    difference_minor: Mapped[int] = mapped_column(
        BigInteger, default=0
    )  # CNY minor units realised: a gain is positive.
    recorded_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    recorders: Mapped[list[str]] = json_list()  # They with everyone they act for.
    recorded_at: Mapped[datetime] = moment_now()
    confirmed_by: Mapped[str | None] = mapped_column(
        ForeignKey("person.id"), default=None
    )  # None: one person was enough.
    posted_at: Mapped[datetime | None] = moment_maybe()
    declined_by: Mapped[str | None] = mapped_column(default=None)
    declined_at: Mapped[datetime | None] = moment_maybe()


class FxRevaluationRow(TableRow):
    """A currency's position at the end of a month, at the rate of its last day."""

    __tablename__ = "fx_revaluation"
    currency: Mapped[Currency] = word_key(Currency)
    month: Mapped[str] = mapped_column(primary_key=True)  # 2026-11
    rate: Mapped[str]  # CNY for one unit, a decimal as text.
    rate_source: Mapped[str]
    rate_at: Mapped[datetime] = moment()
    position_minor: Mapped[int] = minor_units()  # What is owed to us (positive) or by us in the currency.
    before_minor: Mapped[int] = minor_units()  # What it was booked at, CNY minor units.
    after_minor: Mapped[int] = minor_units()
    # The first day of the next month, on which the difference was reversed; None for values from before that was done.
    ended_on: Mapped[date | None] = mapped_column(default=None)
    recorded_by: Mapped[str]  # person:<id>
    recorded_at: Mapped[datetime] = moment_now()
