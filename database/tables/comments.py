"""What people say about a card among themselves, and the files they keep with it."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, moment_now


class CommentRow(SQLModel, table=True):
    """One comment on a card or on a work item; the people it mentions are notified."""

    __tablename__ = "card_comment"
    id: str = Field(primary_key=True)
    card_id: str | None = Field(default=None, foreign_key="card.id", index=True)  # None: on an item without a card.
    task_id: str | None = Field(default=None, foreign_key="work_item.id", index=True)  # None: on the card at large.
    person_id: str = Field(foreign_key="person.id")
    words: str
    mentions: list[str] = json_list()  # person ids
    at: datetime = moment_now()


class AttachmentRow(SQLModel, table=True):
    """A file kept with a card; its bytes are sealed in the photo store, its hash is in the evidence."""

    __tablename__ = "card_attachment"
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    comment_id: str | None = Field(default=None, foreign_key="card_comment.id")
    person_id: str = Field(foreign_key="person.id")
    name: str
    media_type: str
    size_bytes: int
    sha256: str  # Of the bytes as uploaded (hex); also their name in the store.
    at: datetime = moment_now()
