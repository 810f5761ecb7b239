"""Quotes: what a seller was offered, why, until when, and what they answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, json_object, minor_units, moment_maybe, moment_now, word
from domain.cards.pricing import QuoteState
from domain.money import Currency


class QuoteRow(SQLModel, table=True):
    """One quote. `internal` holds resale price and fee: never in a page or answer for a seller."""

    __tablename__ = "quote"
    __table_args__ = (Index("quote_lately", "created_at"),)
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    fields_revision: int
    amount_minor: int = minor_units()
    currency: Currency = word(Currency, Currency.CNY)
    rate_bp: int
    lines: list[dict[str, Any]] = json_list()
    internal: dict[str, Any] = json_object()
    rule_set: str
    rule_version: str
    review_reasons: list[str] = json_list()
    locked_rate: dict[str, Any] = json_object()
    state: QuoteState = word(QuoteState, QuoteState.OPEN)
    created_at: datetime = moment_now()
    offered_at: datetime | None = moment_maybe()
    expires_at: datetime | None = moment_maybe()
    answered_at: datetime | None = moment_maybe()
