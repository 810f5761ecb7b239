"""Mail of customers: what was kept of each, and who takes part in a ticket's mails besides its requester."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, moment_now, word
from domain.support.mail import MailOutcome


class InboundMailRow(TableRow):
    """One mail that was taken, by which a repeated delivery is known. Its words are in its ticket alone.

    Some programs give all their mails one id: `digest` (SHA-256 of sender, subject and words) tells those apart.
    """

    __tablename__ = "inbound_mail"
    __table_args__ = (
        UniqueConstraint("message_id", "digest", name="inbound_mail_once"),
        Index("inbound_mail_by_sender", "sender_index", "at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str]
    digest: Mapped[str]
    sender_index: Mapped[str]  # Keyed hash of the sender's address (hex).
    outcome: Mapped[MailOutcome] = word(MailOutcome, required=True)
    ticket_id: Mapped[str | None] = mapped_column(ForeignKey("ticket.id"), default=None)
    flags: Mapped[list[str]] = json_list()
    notes: Mapped[list[str]] = json_list()
    at: Mapped[datetime] = moment_now()


class TicketParticipantRow(TableRow):
    """A contact to whom the requester sent their mail, too: what they answer joins the conversation."""

    __tablename__ = "ticket_participant"
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    contact_id: Mapped[str] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    at: Mapped[datetime] = moment_now()
