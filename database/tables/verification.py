"""Every question put to an issuer, a store or an outlet, with its answer, cost and latency."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, minor_units, minor_units_maybe, moment_maybe, moment_now, sealed, word
from domain.cards.card import CardStatus
from domain.cards.verification import Party
from domain.money import Currency


class AnswerRow(SQLModel, table=True):
    """One call and what came of it; a failed call is a row too, with `failure` set and status unknown."""

    __tablename__ = "answer"
    id: int | None = Field(default=None, primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    party: Party = word(Party, required=True)
    operation: str  # inquire | consumption | send_code | check_code | check | confirm | lock | licence | secure | …
    request_id: str = Field(index=True)
    fields_revision: int  # Which fields of the card were asked about.
    status: CardStatus = word(CardStatus, required=True)
    balance_minor: int | None = minor_units_maybe()
    currency: Currency | None = word(Currency)
    expires_on: date | None = None
    details: dict[str, Any] = json_object()
    failure: str | None = None  # unavailable | refused:<code>
    cost_fen: int = minor_units()
    latency_ms: int
    at: datetime = moment_now()


class DynamicCodeRow(SQLModel, table=True):
    """A one-time code that the issuer sent to a seller on our request; we never know it before they enter it."""

    __tablename__ = "dynamic_code"
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    number: int  # From 1; rises with every resend.
    tries: int = 0
    expires_at: datetime | None = moment_maybe()
    result: str | None = None
    sent_at: datetime = moment_now()


class OutletRow(SQLModel, table=True):
    """A partner outlet that confirms regional cards at its own till."""

    __tablename__ = "outlet"
    code: str = Field(primary_key=True)
    name: str
    brand: str = Field(index=True)
    secret_sealed: bytes = sealed(required=True)  # Signs its reports.
    previous_sealed: bytes | None = sealed()  # The one before, good until it is retired.
    active: bool = True


class OutletRequestRow(SQLModel, table=True):
    """A confirmation asked of an outlet."""

    __tablename__ = "outlet_request"
    id: str = Field(primary_key=True)  # The request id given to the outlet.
    card_id: str = Field(foreign_key="card.id", index=True)
    outlet_code: str = Field(foreign_key="outlet.code")
    asked_at: datetime = moment_now()
    answered_at: datetime | None = moment_maybe()
    answer: str | None = None  # confirmed | denied
