"""What sellers asked support for, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from database.tables.columns import moment_maybe, moment_now, word
from domain.support.callbacks import CallbackWanted


class CallbackRequestRow(SQLModel, table=True):
    """A request of a seller; its lease, order and clock are in the work item of the same id."""

    __tablename__ = "callback_request"
    __table_args__ = (Index("callback_request_by_card", "card_id", "asked_at"),)
    id: str = Field(primary_key=True, foreign_key="work_item.id")
    card_id: str | None = Field(default=None, foreign_key="card.id")
    seller: str  # seller:<id>
    wanted: CallbackWanted = word(CallbackWanted, required=True)
    words: str = ""  # The seller's own; no number or PIN is let in.
    phone_masked: str  # 138****0021
    language: str
    asked_at: datetime = moment_now()
    reason_code: str = ""  # Of the managed list; the seller reads its words as the answer.
    note: str = ""  # The agent's, for colleagues.
    closed_by: str | None = Field(default=None, foreign_key="person.id")
    closed_at: datetime | None = moment_maybe()
