"""Work that a background loop could not do and has set aside, so that it holds up nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from database.tables.columns import moment, moment_now


class SetAsideRow(SQLModel, table=True):
    """One piece of work of one loop. It is tried again at `again_at`; the row goes once it has been done."""

    __tablename__ = "set_aside"
    loop: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)  # The id of what the loop works on: a card, a task, a decision.
    reason: str  # Kind and place of the error, never its text, which may quote a value.
    failures: int = 1
    since: datetime = moment_now()
    again_at: datetime = moment()
