"""Months of the books that two people close."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, moment_maybe, moment_now, word
from domain.finance.periods import ClosingState


class ClosingRow(TableRow):
    """One person asks for a month to be closed; another agrees, or a colleague takes it back. Of a month at most one waits."""

    __tablename__ = "ledger_closing"
    __table_args__ = (
        Index("ledger_closing_open_once", "month", unique=True, postgresql_where=text("state = 'asked'")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str]
    asked_by: Mapped[str]  # person.id
    askers: Mapped[list[str]] = json_list()  # They and everyone they act for.
    asked_at: Mapped[datetime] = moment_now()
    note: Mapped[str] = mapped_column(default="")  # Why days of it may stay open, where some are.
    state: Mapped[ClosingState] = word(ClosingState, ClosingState.ASKED)
    decided_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    decided_at: Mapped[datetime | None] = moment_maybe()
