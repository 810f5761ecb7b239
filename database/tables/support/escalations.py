"""What support asked of other desks, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, moment_maybe, moment_now, word
from domain.support.escalations import EscalationState
from domain.support.tickets import InsideDesk


class TicketEscalationRow(TableRow):
    """One question to one desk. Lease, order and clock are in the work item `task_id`; of reviews, in the second review."""

    __tablename__ = "ticket_escalation"
    __table_args__ = (
        Index("ticket_escalation_by_ticket", "ticket_id", "id"),
        Index("ticket_escalation_reviewing", "id", postgresql_where=text("desk = 'review' AND state = 'open'")),
        # A card is reviewed again for a customer once.
        Index("ticket_escalation_appeal_once", "card_id", unique=True, postgresql_where=text("desk = 'review' AND state <> 'withdrawn'")),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    desk: Mapped[InsideDesk] = word(InsideDesk, required=True)
    task_id: Mapped[str | None] = mapped_column(ForeignKey("work_item.id"), unique=True, default=None)
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.id"), default=None)
    # Of reviews: the decision that is looked at again; it stays as it is.
    decision_id: Mapped[str | None] = mapped_column(ForeignKey("review_decision.id"), default=None)
    state: Mapped[EscalationState] = word(EscalationState, EscalationState.OPEN)
    reason_code: Mapped[str]  # Of the managed list `ask_desk`.
    question: Mapped[str]  # Of reviews: the new evidence, which the second reviewer reads.
    files: Mapped[list[str]] = json_list()  # ids of ticket_file that are part of the evidence
    asked_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = moment_now()
    # Of the managed list of the desk; of reviews an AppealResult.
    answer_code: Mapped[str] = mapped_column(default="")
    answer: Mapped[str] = mapped_column(default="")
    answered_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    closed_at: Mapped[datetime | None] = moment_maybe()
