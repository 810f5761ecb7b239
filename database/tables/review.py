"""What reviewers decided, and what the second person said of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, json_object, moment_maybe, moment_now, sealed, word
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.work.task import CheckVerdict


class ReviewDecisionRow(TableRow):
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
    id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(index=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    # None: the deadline policy decided.
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    acting_for: Mapped[list[str]] = json_list()  # Whom the person stood in for at that moment.
    outcome: Mapped[ReviewOutcome] = word(ReviewOutcome, required=True)
    reason_code: Mapped[str] = mapped_column(default="")  # Of the managed list; empty for outcomes that need none.
    reject_reason: Mapped[RejectReason | None] = word(RejectReason)
    asked_item: Mapped[AskedItem | None] = word(AskedItem)
    corrected_sealed: Mapped[bytes | None] = sealed()  # JSON: number, pin, face_value_minor, expiry
    note: Mapped[str] = mapped_column(default="")
    # The outcome that the machine suggested when the decision was made.
    suggestion: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime | None] = moment_maybe()  # When the person took the task: time to decision.
    made_at: Mapped[datetime] = moment_now()
    effective_at: Mapped[datetime] = moment_now()
    needs_check: Mapped[str] = mapped_column(default="")  # Why four eyes are needed; empty when they are not.
    # The version of the four-eyes policy that said so; empty where none was asked.
    checks_version: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None] = moment_maybe()  # Delivery to the workflow has begun: too late to undo.
    void_at: Mapped[datetime | None] = moment_maybe()
    void_why: Mapped[str] = mapped_column(default="")  # undone | returned | refused | undelivered
    undelivered_at: Mapped[datetime | None] = moment_maybe()  # Its card would not take it; a senior puts the task back.
    undelivered_why: Mapped[dict[str, Any]] = json_object()  # The refusal: `code` and `data`, never a secret.
    applied_at: Mapped[datetime | None] = moment_maybe()


class ReviewCheckRow(TableRow):
    """The verdict of a second reviewer on a decision."""

    __tablename__ = "review_check"
    id: Mapped[str] = mapped_column(primary_key=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("review_decision.id"), index=True)
    task_id: Mapped[str]
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    acting_for: Mapped[list[str]] = json_list()
    verdict: Mapped[CheckVerdict] = word(CheckVerdict, required=True)
    blind_outcome: Mapped[ReviewOutcome | None] = word(ReviewOutcome)  # In blind mode: what they would have decided.
    reason_code: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = moment_now()
