"""Review tasks: a projection of the workflows that wait for a person, with the lease of whoever has it in hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, minor_units, moment, moment_maybe, moment_now, sealed, word
from domain.cards import CardType
from domain.review import AskedItem, RejectReason, ReviewOutcome


class ReviewTaskRow(SQLModel, table=True):
    """One wait for a reviewer. Open until `closed_at`; decided by at most one person, who holds the lease."""

    __tablename__ = "review_task"
    __table_args__ = (
        Index("review_task_queue", "escalated", "due_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("review_task_open_once", "card_id", unique=True, postgresql_where=text("closed_at IS NULL")),
    )
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    card_type: CardType = word(CardType, required=True)
    brand: str
    value_minor: int = minor_units()  # Quote or face value in CNY minor units; for order and limits.
    reasons: list[str] = json_list()
    opened_at: datetime = moment_now()
    warn_at: datetime = moment()
    due_at: datetime = moment()
    warned_at: datetime | None = moment_maybe()
    breached_at: datetime | None = moment_maybe()
    escalated: bool = False
    leased_by: str | None = None  # person.id
    leased_until: datetime | None = moment_maybe()
    closed_at: datetime | None = moment_maybe()
    decision_id: str | None = Field(default=None, foreign_key="review_decision.id")


class ReviewDecisionRow(SQLModel, table=True):
    """What a reviewer decided; corrected fields stay here, sealed, and only this row's id enters the workflow."""

    __tablename__ = "review_decision"
    id: str = Field(primary_key=True)
    task_id: str = Field(unique=True)  # A task is decided once, whoever asks.
    card_id: str = Field(foreign_key="card.id")
    person_id: str = Field(foreign_key="person.id")
    outcome: ReviewOutcome = word(ReviewOutcome, required=True)
    reject_reason: RejectReason | None = word(RejectReason)
    asked_item: AskedItem | None = word(AskedItem)
    corrected_sealed: bytes | None = sealed()  # JSON: number, pin, face_value_minor, expiry
    note: str = ""
    made_at: datetime = moment_now()
    applied_at: datetime | None = moment_maybe()
