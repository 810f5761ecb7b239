"""What reviewers decided, and what the second person said of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, json_object, moment_maybe, moment_now, sealed, word
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.work.task import CheckVerdict


class ReviewDecisionRow(SQLModel, table=True):
    """What a reviewer decided; corrected fields stay here, sealed, and only this row's id enters the workflow.

    It leaves for the workflow at `effective_at`, once every check that it needs is passed; until then it can be undone.
    """

    __tablename__ = "review_decision"
    __table_args__ = (
        # A task has at most one valid decision; undone, returned or rejected ones do not count.
        Index("review_decision_once", "task_id", unique=True, postgresql_where=text("void_at IS NULL")),
        Index("review_decision_due", "effective_at", postgresql_where=text("applied_at IS NULL AND void_at IS NULL")),
        Index("review_decision_undelivered", "undelivered_at", postgresql_where=text("undelivered_at IS NOT NULL AND applied_at IS NULL AND void_at IS NULL")),
        Index("review_decision_by_person", "person_id", "made_at"),
        Index("review_decision_made", "made_at", postgresql_where=text("void_at IS NULL")),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    task_id: str = Field(index=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    person_id: str | None = Field(default=None, foreign_key="person.id")  # None: the deadline policy decided.
    acting_for: list[str] = json_list()  # Whom the person stood in for at that moment.
    outcome: ReviewOutcome = word(ReviewOutcome, required=True)
    reason_code: str = ""  # Of the managed list; empty for outcomes that need none.
    reject_reason: RejectReason | None = word(RejectReason)
    asked_item: AskedItem | None = word(AskedItem)
    corrected_sealed: bytes | None = sealed()  # JSON: number, pin, face_value_minor, expiry
    note: str = ""
    suggestion: str = ""  # The outcome that the machine suggested when the decision was made.
    opened_at: datetime | None = moment_maybe()  # When the person took the task: time to decision.
    made_at: datetime = moment_now()
    effective_at: datetime = moment_now()
    needs_check: str = ""  # Why four eyes are needed; empty when they are not.
    checks_version: str = ""  # The version of the four-eyes policy that said so; empty where none was asked.
    sent_at: datetime | None = moment_maybe()  # Delivery to the workflow has begun: too late to undo.
    void_at: datetime | None = moment_maybe()
    void_why: str = ""  # undone | returned | refused | undelivered
    undelivered_at: datetime | None = moment_maybe()  # Its card would not take it; a senior puts the task back.
    undelivered_why: dict[str, Any] = json_object()  # The refusal: `code` and `data`, never a secret.
    applied_at: datetime | None = moment_maybe()


class ReviewCheckRow(SQLModel, table=True):
    """What the second pair of eyes made of a decision."""

    __tablename__ = "review_check"
    id: str = Field(primary_key=True)
    decision_id: str = Field(foreign_key="review_decision.id", index=True)
    task_id: str
    person_id: str = Field(foreign_key="person.id")
    acting_for: list[str] = json_list()
    verdict: CheckVerdict = word(CheckVerdict, required=True)
    blind_outcome: ReviewOutcome | None = word(ReviewOutcome)  # In blind mode: what they would have decided.
    reason_code: str = ""
    note: str = ""
    at: datetime = moment_now()
