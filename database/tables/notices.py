"""Notifications to people of the console: shown in the console at once, sent outside by their settings."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, moment_maybe, moment_now


class NoticeRow(SQLModel, table=True):
    """One notification to one person. `told_key` makes it unique: sent once however often its cause is repeated."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_unread", "person_id", "id", postgresql_where=text("read_at IS NULL")),
        Index("notice_undelivered", "due_at", postgresql_where=text("mailed_at IS NULL OR hooked_at IS NULL")),
    )
    id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    kind: str  # domain.notices.kinds.NoticeKind
    told_key: str = Field(unique=True)
    card_id: str | None = None
    task_id: str | None = None
    facts: dict[str, str] = json_object()  # Never a card number, a PIN or a seller's name.
    at: datetime = moment_now()
    read_at: datetime | None = moment_maybe()
    due_at: datetime = moment_now()  # When the next digest that may carry it leaves; quiet hours move it.
    mailed_at: datetime | None = moment_maybe()  # Also set when the person wants no mail.
    hooked_at: datetime | None = moment_maybe()
    hook_due_at: datetime | None = moment_maybe()  # Not sooner, by the receiver's own word; mail does not wait for it.
    mail_lost: str = ""  # Why it was given up by mail; empty while it waits, when it left, and when none was wanted.
    hook_lost: str = ""  # The same of the webhook.
    attempts: int = 0


class NoticeWishRow(SQLModel, table=True):
    """A person's notification settings; without a row, in the console only."""

    __tablename__ = "notice_wish"
    person_id: str = Field(primary_key=True, foreign_key="person.id")
    mail: bool = False
    webhook_url: str | None = None
    digest_minutes: int = 15  # 0: at once.
    quiet_from: time | None = None  # In the person's own time zone; both or none.
    quiet_until: time | None = None
