"""What customers say of a solution."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, moment_now


class TicketRatingRow(TableRow):
    """Whether the solution was good, by the ticket's customer; of the newest solution where there were several."""

    __tablename__ = "ticket_rating"
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    good: Mapped[bool]
    words: Mapped[str] = mapped_column(default="")  # Why, masked as messages are.
    solved_by: Mapped[str | None] = mapped_column(default=None)  # person.id at that moment; None: by silence.
    first_at: Mapped[datetime] = moment_now()
    at: Mapped[datetime] = moment_now()  # Of the newest change.
