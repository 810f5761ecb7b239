"""Notifications to people of the console: shown in the console at once, sent outside by their settings."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_object, moment_maybe, moment_now


class NoticeRow(TableRow):
    """One notification to one person. `unique_key` makes it unique: sent once however often its cause is repeated."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_unread", "person_id", "id", postgresql_where=text("read_at IS NULL")),
        Index("notice_undelivered", "due_at", postgresql_where=text("mailed_at IS NULL OR hooked_at IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str]  # domain.notices.kinds.NoticeKind
    unique_key: Mapped[str] = mapped_column(unique=True)
    card_id: Mapped[str | None] = mapped_column(default=None)
    task_id: Mapped[str | None] = mapped_column(default=None)
    facts: Mapped[dict[str, str]] = json_object()  # Never a card number, a PIN or a seller's name.
    at: Mapped[datetime] = moment_now()
    read_at: Mapped[datetime | None] = moment_maybe()
    due_at: Mapped[datetime] = moment_now()  # When the next digest that may carry it leaves; quiet hours move it.
    mailed_at: Mapped[datetime | None] = moment_maybe()  # Also set when the person wants no mail.
    hooked_at: Mapped[datetime | None] = moment_maybe()
    # Not sooner, by the receiver's own word; mail does not wait for it.
    hook_due_at: Mapped[datetime | None] = moment_maybe()
    # Why it was given up by mail; empty while it waits, when it left, and when none was wanted.
    mail_lost: Mapped[str] = mapped_column(default="")
    hook_lost: Mapped[str] = mapped_column(default="")  # The same of the webhook.
    attempts: Mapped[int] = mapped_column(default=0)


class NoticePreferencesRow(TableRow):
    """A person's notification settings; without a row, in the console only."""

    __tablename__ = "notice_preference"
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    mail: Mapped[bool] = mapped_column(default=False)
    webhook_url: Mapped[str | None] = mapped_column(default=None)
    digest_minutes: Mapped[int] = mapped_column(default=15)  # 0: at once.
    quiet_from: Mapped[time | None] = mapped_column(default=None)  # In the person's own time zone; both or none.
    quiet_until: Mapped[time | None] = mapped_column(default=None)
