"""How good decisions are: blind second reviews of a drawn sample, and readings labelled by what people made of them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, moment_maybe, moment_now, sealed, word
from domain.cards.review import RejectReason, ReviewOutcome


class SecondReviewRow(SQLModel, table=True):
    """One decided card reviewed again by a person who does not see the first decision; a senior settles a difference."""

    __tablename__ = "second_review"
    __table_args__ = (Index("second_review_open", "drawn_at", postgresql_where=text("settled_at IS NULL")),)
    id: str = Field(primary_key=True)
    decision_id: str = Field(foreign_key="review_decision.id", unique=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    brand: str
    first_person: str
    first_circle: list[str] = (
        json_list()
    )  # All who decided or checked it before, everyone they acted for, and who made their accounts lately.
    first_outcome: ReviewOutcome = word(ReviewOutcome, required=True)
    drawn_on: date = Field(index=True)  # The day whose cap it counts against, in the office's time zone.
    drawn_at: datetime = moment_now()
    policy_version: str = ""  # Of the sampling policy that drew it; empty for what was drawn before versions were kept.
    leased_by: str | None = None
    leased_until: datetime | None = moment_maybe()
    second_person: str | None = None
    second_circle: list[str] = json_list()
    second_outcome: ReviewOutcome | None = word(ReviewOutcome)
    second_reason: RejectReason | None = word(RejectReason)
    second_note: str = ""
    second_at: datetime | None = moment_maybe()
    senior_person: str | None = None
    final_outcome: ReviewOutcome | None = word(ReviewOutcome)
    senior_note: str = ""
    settled_at: datetime | None = moment_maybe()


class ReadingLabelRow(SQLModel, table=True):
    """What a person made of one field that the machine read: the truth to teach and measure the reader with."""

    __tablename__ = "reading_label"
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    decision_id: str = Field(foreign_key="review_decision.id", index=True)
    photo_id: str | None = None
    field: str  # domain.cards.reading.FieldName
    reader: str = ""
    confidence_bp: int | None = None
    read_sealed: bytes | None = sealed()
    truth_sealed: bytes | None = sealed()
    accepted: bool  # The reading was accepted unchanged.
    at: datetime = moment_now()
