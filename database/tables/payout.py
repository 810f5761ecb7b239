"""Payment orders to sellers, and every notification the gateway sent about them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import minor_units, minor_units_maybe, moment_maybe, moment_now, word
from domain.money import Currency
from domain.payout import PayoutState


class PayoutRow(SQLModel, table=True):
    """One payment order. Its key is the gateway's idempotency key and never changes."""

    __tablename__ = "payout"
    __table_args__ = (Index("payout_settled", "settled_at", postgresql_where=text("state = 'paid'")),)
    key: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    amount_minor: int = minor_units()
    currency: Currency = word(Currency, Currency.CNY)
    state: PayoutState = word(PayoutState, PayoutState.PREPARED)
    gateway_reference: str | None = None
    refusal_code: str | None = None
    prepared_at: datetime = moment_now()
    settled_at: datetime | None = moment_maybe()


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
