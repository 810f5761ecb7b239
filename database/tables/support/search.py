"""What tickets are found by: their words as they are compared, and the numbers of their grams."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow


class TicketSearchRow(TableRow):
    """All words of one ticket. `number` is its place in the order of opening; block and page of a search count by it."""

    __tablename__ = "ticket_search"
    __table_args__ = (Index("ticket_search_by_gram", "grams", postgresql_using="gin", postgresql_with={"fastupdate": False}),)  # fmt: skip
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(start=0, minvalue=0), unique=True, init=False)
    folded: Mapped[str] = mapped_column(default="")  # Subject, public messages and notes, by `domain.support.grams`.
    grams: Mapped[list[int]] = mapped_column(ARRAY(INTEGER), default_factory=list, insert_default=list)
