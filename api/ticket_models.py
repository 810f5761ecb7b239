"""Tickets over the wire: what a partner asks, and the conversation as they may see it."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, Field, StringConstraints

from api.models import Taken
from database.reads.support.customers import OwnLine, OwnTicket
from database.reads.support.tickets import Said
from domain.support.tickets import FILES_MAX, SUBJECT_MAX, WORDS_MAX, MessageKind, TicketCategory
from services.support.files import KeptFile

CARDS_MAX = 20
FILE_NAME_MAX = 200
CardId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{26}$")]
# Lines may break, and PostgreSQL takes no NUL.
Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=WORDS_MAX), Field(repr=False)]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=SUBJECT_MAX)]
FileName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=FILE_NAME_MAX)]


class NewFile(Taken):
    """A file: a picture, PDF or plain text of 10 MB at most, in base64."""

    name: FileName
    content: Annotated[Base64Bytes, Field(repr=False)]


Files = Annotated[list[NewFile], Field(max_length=FILES_MAX, repr=False, default_factory=list)]


class NewTicketIn(Taken):
    """What is wrong, with which of your cards. Card numbers and PINs in the words are masked before they are stored."""

    category: TicketCategory
    subject: Line
    words: Words
    cards: Annotated[list[CardId], Field(max_length=CARDS_MAX, default_factory=list)]
    files: Files


class NewMessage(Taken):
    """What is added to a ticket; words, files or both."""

    words: Words = ""
    files: Files


class TicketOpened(BaseModel):
    """The ticket is open."""

    ticket_id: str


class MessageTaken(BaseModel):
    """The message is part of the ticket."""

    ticket_id: str
    message_id: str


class FileLineOut(BaseModel):
    """A file of a message; its content has an address of its own."""

    id: str
    name: str
    media_type: str
    size_bytes: int


class MessageOut(BaseModel):
    """One message. `masked`: a card number or PIN was in it and was covered before it was stored."""

    id: str
    author: Literal["customer", "support", "notification"]
    words: str
    at: datetime
    masked: bool
    files: list[FileLineOut]

    @classmethod
    def of(cls, said: Said) -> MessageOut:
        """Build from the read."""
        files = [FileLineOut(id=one.id, name=one.name, media_type=one.media_type, size_bytes=one.size_bytes) for one in said.files]  # fmt: skip
        author: Literal["customer", "support", "notification"] = (
            "customer" if said.by_customer else "notification" if said.kind is MessageKind.NOTICE else "support"
        )
        return cls(id=said.id, author=author, words=said.words, at=said.sent_at or said.at, masked=said.masked, files=files)  # fmt: skip


class TicketLineOut(BaseModel):
    """A ticket in the list."""

    id: str
    subject: str
    category: TicketCategory
    state: str = Field(description="new, open, waiting_customer, waiting_inside, solved or closed.")
    opened_at: datetime
    due_at: datetime | None = Field(description="Until when we promised to answer; null while it is not our turn.")

    @classmethod
    def of(cls, line: OwnLine) -> TicketLineOut:
        """Build from the read."""
        return cls(
            id=line.id, subject=line.subject, category=line.category, state=line.state.value, opened_at=line.opened_at,
            due_at=line.due_at,
        )  # fmt: skip


class TicketsOut(BaseModel):
    """A page of tickets, newest first; `next` is the `before` of the next page."""

    tickets: list[TicketLineOut]
    next: str | None


class TicketOut(TicketLineOut):
    """A ticket with its conversation, oldest message first."""

    due_for: Literal["answer", "solution"] | None = Field(description="What is promised by `due_at`.")
    solved_at: datetime | None
    closed_at: datetime | None
    merged_into: str | None = Field(description="The ticket that this one was joined with: write there.")
    earlier: str | None = Field(description="The closed ticket that this one goes on from.")
    cards: list[str]
    messages: list[MessageOut]

    @classmethod
    def whole(cls, ticket: OwnTicket) -> TicketOut:
        """Build from the read."""
        promise = ticket.promise
        return cls(
            id=ticket.id, subject=ticket.subject, category=ticket.category, state=ticket.state.value,
            opened_at=ticket.opened_at, due_at=promise.due_at if promise else None,
            due_for=None if promise is None else "solution" if promise.solves else "answer", solved_at=ticket.solved_at,
            closed_at=ticket.closed_at, merged_into=ticket.merged_into, earlier=ticket.earlier, cards=list(ticket.cards),
            messages=[MessageOut.of(one) for one in ticket.said],
        )  # fmt: skip


class FileOut(BaseModel):
    """A file of a ticket; `content` in base64."""

    name: str
    media_type: str
    content: Annotated[str, Field(repr=False)]

    @classmethod
    def of(cls, kept: KeptFile) -> FileOut:
        """Build from the store."""
        return cls(name=kept.name, media_type=kept.media_type, content=base64.b64encode(kept.content).decode())
