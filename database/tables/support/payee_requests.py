"""Second payments that support asked for: the seller names another payee, and finance agrees to it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, moment_maybe, moment_now, word
from domain.support.second_payout import PayeeRequestState


class PayeeRequestRow(TableRow):
    """One request. While it is open, what the seller enters waits for a second person in place of counting at once."""

    __tablename__ = "payee_request"
    __table_args__ = (
        Index("payee_request_by_ticket", "ticket_id", "id"),
        Index("payee_request_open_once", "submission_id", unique=True, postgresql_where=text("state IN ('asked', 'supplied')")),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"))
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))
    reason_code: Mapped[str]  # Of the managed list `correct_payee`.
    asked_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    askers: Mapped[list[str]] = json_list()  # Who asked, with everyone they act for: none of them agrees to it.
    asked_at: Mapped[datetime] = moment_now()
    state: Mapped[PayeeRequestState] = word(PayeeRequestState, PayeeRequestState.ASKED)
    correction_id: Mapped[str | None] = mapped_column(ForeignKey("payee_correction.id"), default=None)
    ended_at: Mapped[datetime | None] = moment_maybe()
