"""What agents keep for their work on tickets: offers to hand one over, reply templates, macros."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_object, moment, moment_maybe, moment_now, word
from domain.support.handing import HandOverAnswer
from domain.support.tickets import TicketCategory


class HandOverRow(TableRow):
    """One offer to hand a ticket over; open while `answer` is empty, and a ticket has one open offer at most."""

    __tablename__ = "ticket_hand_over"
    __table_args__ = (
        Index("ticket_hand_over_open_once", "ticket_id", unique=True, postgresql_where=text("answer IS NULL")),
        Index("ticket_hand_over_to", "to_person", postgresql_where=text("answer IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    by: Mapped[str] = mapped_column(ForeignKey("person.id"))  # Keeps the ticket until it is accepted.
    to_person: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)  # None: the leads.
    reason_code: Mapped[str]  # Of the managed list `hand_over`.
    note: Mapped[str] = mapped_column(default="")
    offered_at: Mapped[datetime] = moment_now()
    until: Mapped[datetime] = moment()
    answer: Mapped[HandOverAnswer | None] = word(HandOverAnswer)
    answered_by: Mapped[str | None] = mapped_column(default=None)  # person.id; None: by time.
    answered_at: Mapped[datetime | None] = moment_maybe()
    answer_words: Mapped[str] = mapped_column(default="")  # Why it was declined.


class ReplyTemplateRow(TableRow):
    """A reply that leads maintain, in both languages; names in braces are filled from the ticket."""

    __tablename__ = "reply_template"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[TicketCategory | None] = word(TicketCategory)  # None: for every ticket.
    zh: Mapped[str]
    en: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str | None] = mapped_column(default=None)  # person.id; None: it came with the product.
    changed_at: Mapped[datetime] = moment_now()


class TicketMacroRow(TableRow):
    """Several acts on a ticket under one name; `steps` as `domain.support.macros.MacroSteps` keeps them."""

    __tablename__ = "ticket_macro"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    steps: Mapped[dict[str, str]] = json_object()
    active: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(default=1)
    changed_by: Mapped[str | None] = mapped_column(default=None)
    changed_at: Mapped[datetime] = moment_now()
