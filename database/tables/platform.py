"""What all processes share, whatever the area: messages that wait for their way out, work set aside, limits, circuits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_object, moment, moment_maybe, moment_now


class OutboxRow(TableRow):
    """One webhook or message, tried until delivered or given up."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_due", "due_at", postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL")),
        Index("outbox_by_destination", "destination", "id"),
        Index("outbox_given_up", "given_up_at", postgresql_where=text("given_up_at IS NOT NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)  # Also the webhook's delivery id.
    kind: Mapped[str]  # webhook | message
    destination: Mapped[str]  # partner:<id> or seller:<id>; addresses are looked up at delivery.
    topic: Mapped[str]  # e.g. card.paid
    payload: Mapped[dict[str, Any]] = json_object()
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = moment_now()
    delivered_at: Mapped[datetime | None] = moment_maybe()
    given_up_at: Mapped[datetime | None] = moment_maybe()
    last_failure: Mapped[str | None] = mapped_column(default=None)


class SetAsideRow(TableRow):
    """One piece of work of one loop. It is tried again at `again_at`; the row goes once it has been done."""

    __tablename__ = "set_aside"
    loop: Mapped[str] = mapped_column(primary_key=True)
    # The id of what the loop works on: a card, a task, a decision.
    subject: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]  # Kind and place of the error, never its text, which may quote a value.
    failures: Mapped[int] = mapped_column(default=1)
    since: Mapped[datetime] = moment_now()
    again_at: Mapped[datetime] = moment()


class ThrottleRow(TableRow):
    """One limit of one name. The row may go once `full_at` has passed."""

    __tablename__ = "throttle"
    name: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 (hex) of the rate and of who or what is counted.
    full_at: Mapped[datetime] = moment(index=True)  # When everything that was counted has run out.


class CircuitRow(TableRow):
    """A circuit that failed recently; one that is closed without a failure has no row."""

    __tablename__ = "circuit"
    # The system, or the system and the brand that it was asked about.
    name: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]  # In a row, over all processes.
    open_until: Mapped[datetime | None] = moment_maybe()  # No calls until then; None: it has not opened.
    # Lease of the one process that tries whether it is up again.
    probing_until: Mapped[datetime | None] = moment_maybe()
