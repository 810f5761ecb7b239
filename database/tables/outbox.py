"""Messages to the outside, written in the transaction of the change they report and delivered afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, moment_maybe, moment_now


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
