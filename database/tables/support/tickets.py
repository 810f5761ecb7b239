"""Tickets: what customers asked, the conversation, what it is about, its clocks and its history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, json_object, moment, moment_maybe, moment_now, sealed, word
from domain.support.tickets import (
    ClockKind,
    InsideDesk,
    LinkedKind,
    MessageKind,
    TicketCategory,
    TicketChannel,
    TicketState,
)


class ContactRow(TableRow):
    """A customer who is known by an e-mail address alone; `seller_id` once they proved which seller they are."""

    __tablename__ = "contact"
    __table_args__ = (Index("contact_by_seller", "seller_id", postgresql_where=text("seller_id IS NOT NULL")),)
    id: Mapped[str] = mapped_column(primary_key=True)
    address_sealed: Mapped[bytes] = sealed(required=True)
    address_index: Mapped[str] = mapped_column(unique=True)  # Keyed hash of the address in small letters (hex).
    address_masked: Mapped[str]  # w***@example.com
    name: Mapped[str] = mapped_column(default="")  # As they write it; proves nothing.
    locale: Mapped[str] = mapped_column(default="zh_CN")
    seller_id: Mapped[str | None] = mapped_column(ForeignKey("seller.id"), default=None)
    created_at: Mapped[datetime] = moment_now()


class TicketRow(TableRow):
    """One ticket. Its lease, order, deadline, assignee, snooze, priority and team are in the work item `task_id`."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index("ticket_by_requester", "requester", "opened_at"),
        Index("ticket_unheard", "id", postgresql_where=text("heard_revision < revision")),
        Index("ticket_newest", "opened_at", "id"),
        Index("ticket_by_ending", text('"right"(id, 4)')),
        Index("ticket_by_category", "category", "opened_at"),
        Index("ticket_not_searchable", "id", postgresql_where=text("NOT searchable")),
        Index("ticket_state", "state", "opened_at", postgresql_where=text("state <> 'closed'")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("work_item.id"), unique=True)
    state: Mapped[TicketState] = word(TicketState, TicketState.NEW)
    inside_desk: Mapped[InsideDesk | None] = word(InsideDesk)  # Which desk has it while it waits inside.
    category: Mapped[TicketCategory] = word(TicketCategory, required=True)
    cause: Mapped[str] = mapped_column(default="")  # The sub-cause, of the managed list `ticket_cause`.
    channel: Mapped[TicketChannel] = word(TicketChannel, required=True)
    language: Mapped[str] = mapped_column(default="zh_CN")  # Replies are written in it.
    subject: Mapped[str]
    requester: Mapped[str]  # seller:<id>, partner:<id> or contact:<id>
    opened_by: Mapped[str]  # The requester, or person:<id> who opened it for them.
    opened_at: Mapped[datetime] = moment_now()
    first_replied_at: Mapped[datetime | None] = moment_maybe()
    replied_at: Mapped[datetime | None] = moment_maybe()  # The newest public reply.
    heard_at: Mapped[datetime | None] = moment_maybe()  # The customer's newest message.
    unanswered_since: Mapped[datetime | None] = moment_maybe()  # Their first message after the newest reply.
    waits_since: Mapped[datetime | None] = moment_maybe()  # Since when it waits for the customer.
    silence_noticed_at: Mapped[datetime | None] = moment_maybe()  # When they were last reminded that it will be closed.
    solved_at: Mapped[datetime | None] = moment_maybe()
    solved_by: Mapped[str | None] = mapped_column(default=None)  # person.id; None: by silence.
    solution: Mapped[str] = mapped_column(default="")  # Of the managed list `solve_ticket`.
    closed_at: Mapped[datetime | None] = moment_maybe()
    reopened: Mapped[int] = mapped_column(default=0)  # How often.
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("ticket.id"), default=None)
    followers: Mapped[list[str]] = json_list()  # person ids
    revision: Mapped[int] = mapped_column(default=0)  # Rises with each change that its workflow must be notified of.
    heard_revision: Mapped[int] = mapped_column(default=0)
    searchable: Mapped[bool] = mapped_column(default=False)  # Its words are in `ticket_search`.


class TicketMessageRow(TableRow):
    """One public message. Card numbers and PINs were masked before it was stored."""

    __tablename__ = "ticket_message"
    __table_args__ = (
        Index("ticket_message_by_ticket", "ticket_id", "id"),
        Index("ticket_message_by_mail", "mail_id", unique=True, postgresql_where=text("mail_id IS NOT NULL")),
        Index("ticket_message_due", "effective_at", postgresql_where=text("sent_at IS NULL AND withdrawn_at IS NULL")),
        Index("ticket_message_by_key", "ticket_id", "idempotency_key", unique=True, postgresql_where=text("idempotency_key IS NOT NULL")),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[MessageKind] = word(MessageKind, required=True)
    author: Mapped[str]  # seller:<id>, partner:<id>, contact:<id>, person:<id> or machine
    words: Mapped[str]
    channel: Mapped[TicketChannel] = word(TicketChannel, required=True)
    masked: Mapped[bool] = mapped_column(default=False)  # A number or PIN was in it and was masked.
    shortened: Mapped[bool] = mapped_column(default=False)  # It was longer than is kept.
    at: Mapped[datetime] = moment_now()
    effective_at: Mapped[datetime] = moment_now()  # Of a reply: until then it can be taken back.
    sent_at: Mapped[datetime | None] = moment_maybe()  # Public from then on; at once for the customer's own.
    withdrawn_at: Mapped[datetime | None] = moment_maybe()  # Taken back before it left.
    waited_since: Mapped[datetime | None] = moment_maybe()  # Of a reply: since when the customer had waited for it.
    idempotency_key: Mapped[str | None] = mapped_column(default=None)  # A form or a request sent twice is one message.
    mail_id: Mapped[str | None] = mapped_column(
        default=None
    )  # Message-ID without brackets, of mail in either direction.
    undelivered: Mapped[str] = mapped_column(default="")  # Why it did not arrive, as a short word.


class TicketFileRow(TableRow):
    """A file of a public message, cleaned and sealed in the photo store under its hash."""

    __tablename__ = "ticket_file"
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), index=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("ticket_message.id"))
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    at: Mapped[datetime] = moment_now()


class TicketLinkRow(TableRow):
    """Something that a ticket is about: a card, a payout, or another ticket."""

    __tablename__ = "ticket_link"
    __table_args__ = (Index("ticket_link_by_subject", "kind", "subject"),)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    kind: Mapped[LinkedKind] = word(LinkedKind, required=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    by: Mapped[str]  # The actor who linked it.
    at: Mapped[datetime] = moment_now()


class TicketClockRow(TableRow):
    """One run of one promise: when it began, until when it must be kept, and whether it was.

    Running while `met_at` and `void_at` are empty. `owner` is who had the ticket when it was met or breached.
    """

    __tablename__ = "ticket_clock"
    __table_args__ = (Index("ticket_clock_running", "ticket_id", postgresql_where=text("met_at IS NULL AND void_at IS NULL")),)  # fmt: skip
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    kind: Mapped[ClockKind] = word(ClockKind, required=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # <kind>:<number>, counted from 1
    started_at: Mapped[datetime] = moment()
    budget_s: Mapped[int]  # Working seconds.
    policy: Mapped[str]
    policy_version: Mapped[int]
    warn_at: Mapped[datetime] = moment()
    due_at: Mapped[datetime] = moment()
    warned_at: Mapped[datetime | None] = moment_maybe()
    breached_at: Mapped[datetime | None] = moment_maybe()
    breached_by: Mapped[str] = mapped_column(default="")  # The ClockOwner who had it at the breach.
    met_at: Mapped[datetime | None] = moment_maybe()
    met_by: Mapped[str] = mapped_column(default="")
    void_at: Mapped[datetime | None] = moment_maybe()  # Ended without being met: merged, or its policy went.


class TicketEventRow(TableRow):
    """One event of a ticket's history, in the order of `id`."""

    __tablename__ = "ticket_event"
    __table_args__ = (Index("ticket_event_by_ticket", "ticket_id", "id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    at: Mapped[datetime] = moment_now()
    actor: Mapped[str]  # As in ticket_message.author
    what: Mapped[str]  # opened, replied, solved …: the key of its sentence, `ticket_event.<what>`
    facts: Mapped[dict[str, str]] = json_object()
