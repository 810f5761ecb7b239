"""What sellers asked support for, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, moment_maybe, moment_now, word
from domain.support.callbacks import CallbackWanted


class CallbackRequestRow(TableRow):
    """A request of a seller; its lease, order and clock are in the work item of the same id."""

    __tablename__ = "callback_request"
    __table_args__ = (Index("callback_request_by_card", "card_id", "asked_at"),)
    id: Mapped[str] = mapped_column(ForeignKey("work_item.id"), primary_key=True)
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.id"), default=None)
    seller: Mapped[str]  # seller:<id>
    wanted: Mapped[CallbackWanted] = word(CallbackWanted, required=True)
    words: Mapped[str] = mapped_column(default="")  # The seller's own; no number or PIN is let in.
    phone_masked: Mapped[str]  # 138****0021
    language: Mapped[str]
    asked_at: Mapped[datetime] = moment_now()
    # Of the managed list; the seller reads its words as the answer.
    reason_code: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")  # The agent's, for colleagues.
    closed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    closed_at: Mapped[datetime | None] = moment_maybe()
