"""How good decisions are: blind second reviews of a drawn sample, and readings labelled by what people made of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, moment, moment_maybe, moment_now, now, sealed, word
from domain.cards.review import RejectReason, ReviewOutcome


class BlindReviewRow(TableRow):
    """One decided card reviewed again by a person who does not see the first decision; a senior settles a difference."""

    __tablename__ = "blind_review"
    __table_args__ = (
        Index("blind_review_open", "drawn_at", postgresql_where=text("settled_at IS NULL")),
        Index("blind_review_drawn_once", "decision_id", unique=True, postgresql_where=text("escalation_id IS NULL")),
        Index("blind_review_asked_once", "escalation_id", unique=True, postgresql_where=text("escalation_id IS NOT NULL")),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("review_decision.id"))
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    brand: Mapped[str]
    # Of a review that support asked for: its question. Such reviews are no sample and count in no figure.
    escalation_id: Mapped[str | None] = mapped_column(ForeignKey("ticket_escalation.id"), default=None)
    # Of such a review: the work item that has its clock and its lease. None: asked before those had one.
    task_id: Mapped[str | None] = mapped_column(ForeignKey("work_item.id"), unique=True, default=None)
    first_person: Mapped[str]  # Empty where a deadline policy decided.
    # All who decided or checked it before, everyone they acted for, and who made their accounts lately.
    first_circle: Mapped[list[str]] = json_list()
    first_outcome: Mapped[ReviewOutcome] = word(ReviewOutcome, required=True)
    # The day whose cap it counts against, in the office's time zone.
    drawn_on: Mapped[date] = mapped_column(index=True)
    drawn_at: Mapped[datetime] = moment_now()
    # Of the sampling policy that drew it; empty for what was drawn before versions were kept.
    policy_version: Mapped[str] = mapped_column(default="")
    leased_by: Mapped[str | None] = mapped_column(default=None)
    leased_until: Mapped[datetime | None] = moment_maybe()
    second_person: Mapped[str | None] = mapped_column(default=None)
    second_circle: Mapped[list[str]] = json_list()
    second_outcome: Mapped[ReviewOutcome | None] = word(ReviewOutcome)
    second_reason: Mapped[RejectReason | None] = word(RejectReason)
    second_note: Mapped[str] = mapped_column(default="")
    second_at: Mapped[datetime | None] = moment_maybe()
    senior_person: Mapped[str | None] = mapped_column(default=None)
    final_outcome: Mapped[ReviewOutcome | None] = word(ReviewOutcome)
    senior_note: Mapped[str] = mapped_column(default="")
    settled_at: Mapped[datetime | None] = moment_maybe()


class ReadingLabelRow(TableRow):
    """What a person made of one field that the machine read: the truth to teach and measure the reader with."""

    __tablename__ = "reading_label"
    __table_args__ = (Index("reading_label_by_time", "at", "id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("review_decision.id"), index=True)
    photo_id: Mapped[str | None] = mapped_column(default=None)
    field: Mapped[str]  # domain.cards.reading.FieldName
    brand: Mapped[str] = mapped_column(default="")
    condition: Mapped[str] = mapped_column(
        default=""
    )  # domain.quality.reading_figures; empty for labels of older releases.
    reader: Mapped[str] = mapped_column(default="")
    confidence_bp: Mapped[int | None] = mapped_column(default=None)
    read_sealed: Mapped[bytes | None] = sealed()
    truth_sealed: Mapped[bytes | None] = sealed()
    accepted: Mapped[bool]  # The reading was accepted unchanged.
    at: Mapped[datetime] = moment_now()


class ShadowReadingRow(TableRow):
    """What the second reader made of a photo that was read for a card; no card is decided by it. Kept as a reading is."""

    __tablename__ = "shadow_reading"
    reading_id: Mapped[str] = mapped_column(ForeignKey("reading.id"), primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    photo_id: Mapped[str] = mapped_column(ForeignKey("photo.id"))
    reader: Mapped[str]
    duration_ms: Mapped[int]
    fields: Mapped[list[dict[str, Any]]] = json_list()  # Name, confidence and source of each.
    values_sealed: Mapped[bytes] = sealed(required=True)  # JSON object: field name to value as read.
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default_factory=now, insert_default=now, index=True
    )


class ReadingTrialRow(TableRow):
    """A photo that a person tries in the console, on its way to the reader and back; gone with the answer, or after two minutes."""

    __tablename__ = "reading_trial"
    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    brand: Mapped[str] = mapped_column(default="")  # The brand that a seller would have chosen; empty: none.
    photo_sealed: Mapped[bytes | None] = sealed()
    answer_sealed: Mapped[bytes | None] = sealed()
    failed: Mapped[bool] = mapped_column(default=False)
    asked_at: Mapped[datetime] = moment(index=True)
    taken_at: Mapped[datetime | None] = moment_maybe()
