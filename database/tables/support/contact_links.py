"""Who a mail contact proved to be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, moment, moment_maybe, moment_now, word
from domain.support.contact_links import ContactLinkState


class ContactLinkRow(TableRow):
    """One question to a seller whether a mail address is theirs. A contact has one that is open or confirmed at most."""

    __tablename__ = "contact_link"
    __table_args__ = (
        Index("contact_link_open_once", "contact_id", unique=True, postgresql_where=text("state IN ('asked', 'confirmed')")),
        Index("contact_link_by_seller", "seller_id", "id"),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str] = mapped_column(ForeignKey("contact.id"))
    seller_id: Mapped[str] = mapped_column(ForeignKey("seller.id"))
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))  # Where the agent asked.
    state: Mapped[ContactLinkState] = word(ContactLinkState, ContactLinkState.ASKED)
    asked_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = moment_now()
    expires_at: Mapped[datetime] = moment()
    ended_by: Mapped[str] = mapped_column(default="")  # seller:<id>, person:<id> or machine
    ended_at: Mapped[datetime | None] = moment_maybe()
