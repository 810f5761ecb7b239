"""What all processes share, whatever the area: messages that wait for their way out, work set aside, limits, circuits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, moment, moment_maybe, moment_now


class OutboxRow(SQLModel, table=True):
    """One webhook or message, tried until delivered or given up."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_due", "due_at", postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL")),
        Index("outbox_by_destination", "destination", "id"),
    )
    id: str = Field(primary_key=True)  # Also the webhook's delivery id.
    kind: str  # webhook | message
    destination: str  # partner:<id> or seller:<id>; addresses are looked up at delivery.
    topic: str  # e.g. card.paid
    payload: dict[str, Any] = json_object()
    attempts: int = 0
    due_at: datetime = moment_now()
    delivered_at: datetime | None = moment_maybe()
    given_up_at: datetime | None = moment_maybe()
    last_failure: str | None = None


class SetAsideRow(SQLModel, table=True):
    """One piece of work of one loop. It is tried again at `again_at`; the row goes once it has been done."""

    __tablename__ = "set_aside"
    loop: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)  # The id of what the loop works on: a card, a task, a decision.
    reason: str  # Kind and place of the error, never its text, which may quote a value.
    failures: int = 1
    since: datetime = moment_now()
    again_at: datetime = moment()


class ThrottleRow(SQLModel, table=True):
    """One limit of one name. The row may go once `full_at` has passed."""

    __tablename__ = "throttle"
    name: str = Field(primary_key=True)  # SHA-256 (hex) of the rate and of who or what is counted.
    full_at: datetime = moment(index=True)  # When everything that was counted has run out.


class CircuitRow(SQLModel, table=True):
    """A circuit that failed recently; one that is closed without a failure has no row."""

    __tablename__ = "circuit"
    name: str = Field(primary_key=True)  # The system, or the system and the brand that it was asked about.
    failures: int  # In a row, over all processes.
    open_until: datetime | None = moment_maybe()  # Until then nobody calls; None: it has not opened.
    probing_until: datetime | None = moment_maybe()  # Lease of the one process that tries whether it is up again.
