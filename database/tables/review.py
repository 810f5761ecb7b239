"""Review tasks: a projection of the workflows that wait for a person, with the lease of the current holder."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, json_object, minor_units, moment, moment_maybe, moment_now, sealed, word
from domain.cards.card import CardType
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.work.task import Band, CameBack, CheckVerdict, Priority, TaskPhase


class ReviewTaskRow(SQLModel, table=True):
    """One wait for a reviewer. Open until `closed_at`; decided by at most one person, who holds the lease.

    `band` and `order_at` are written by `domain.work.queue_order` with every change that moves the task, so that the queue
    is read in the order of one index.
    """

    __tablename__ = "review_task"
    __table_args__ = (
        Index("review_task_queue", "band", "order_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("review_task_open_once", "card_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("review_task_leases", "leased_by", "leased_until", postgresql_where=text("closed_at IS NULL AND leased_by IS NOT NULL")),
        Index("review_task_snoozed", "snoozed_until", postgresql_where=text("closed_at IS NULL AND snoozed_until IS NOT NULL")),
        Index("review_task_assigned", "assigned_to", "band", "order_at", "id", postgresql_where=text("closed_at IS NULL AND assigned_to IS NOT NULL")),
        # The other orders of the queue page, and what its counts count.
        Index("review_task_due", "due_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("review_task_value", "value_minor", "id", postgresql_where=text("closed_at IS NULL")),
        Index("review_task_opened", "opened_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("review_task_replan", "id", postgresql_where=text("closed_at IS NULL AND replan")),
        # What the figures over a time are counted by.
        Index("review_task_arrived", "opened_at"),
        Index("review_task_checks", "order_at", postgresql_where=text("closed_at IS NULL AND phase = 'check'")),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    card_type: CardType = word(CardType, required=True)
    brand: str
    language: str = "zh_CN"  # The seller's; a reviewer who asks them something writes in it.
    seller: str = ""  # The submission's owner: seller:<id> or partner:<id>.
    team: str = "cards"
    priority: Priority = word(Priority, Priority.NORMAL)
    value_minor: int = minor_units()  # Quote or face value in CNY minor units; for order and limits.
    reasons: list[str] = json_list()
    opened_at: datetime = moment_now()
    phase: TaskPhase = word(TaskPhase, TaskPhase.REVIEW)
    band: int = Field(default=int(Band.ORDINARY), sa_type=SmallInteger)
    order_at: datetime = moment_now()  # Within its band, earlier comes first.
    warn_at: datetime = moment()
    due_at: datetime = moment()
    warned_at: datetime | None = moment_maybe()
    breached_at: datetime | None = moment_maybe()
    escalated: bool = False
    escalation_reason: str = ""
    came_back: CameBack | None = word(CameBack)
    came_back_reason: str = ""  # The note or reason of the person who returned it.
    came_back_at: datetime | None = moment_maybe()  # Ahead while it is snoozed.
    leased_by: str | None = None  # person.id
    leased_at: datetime | None = moment_maybe()  # When they took it; renewals leave it alone.
    leased_until: datetime | None = moment_maybe()
    assigned_to: str | None = None  # person.id; nobody else is given it as their next.
    assigned_at: datetime | None = moment_maybe()
    snoozed_until: datetime | None = moment_maybe()
    snooze_reason: str = ""
    snoozed_by: str | None = None  # person.id; notified when the snooze ends.
    decided: bool = False  # There is a valid decision (not undone, returned or rejected); nobody can claim the task.
    maker_id: str | None = None  # Who made the outcome that waits for a check.
    maker_circle: list[str] = (
        json_list()
    )  # The maker, everyone they acted for, and who made their accounts lately; none of them may check it.
    barred: list[str] = json_list()  # People who were on one side of four eyes already and may not be on any other.
    linked: list[str] = (
        json_list()
    )  # People linked to the seller by telephone, payee or address; never decided by them.
    staged_id: str | None = None  # The review_decision that waits for a check.
    blind: bool = False  # The checker is not shown the maker's outcome before their own.
    blind_outcome: ReviewOutcome | None = word(ReviewOutcome)  # The checker's own decision.
    blind_by: str | None = None  # Which checker that was.
    plan_version: int = 0  # The version of the deadline policies its clock was planned with.
    replan: bool = False  # Its workflow must be notified that its clock has changed.
    closed_at: datetime | None = moment_maybe()
    decision_id: str | None = Field(default=None, foreign_key="review_decision.id")


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


class ReviewDraftRow(SQLModel, table=True):
    """A person's unsent input on a task: sealed, because it may contain a number or a PIN."""

    __tablename__ = "review_draft"
    task_id: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True)
    fields_sealed: bytes = sealed(required=True)  # JSON object of the form's fields.
    saved_at: datetime = moment_now()


class ReasonCodeRow(SQLModel, table=True):
    """One reason of the managed list, for one kind of act, in both languages."""

    __tablename__ = "reason_code"
    act: str = Field(primary_key=True)  # domain.work.reason_codes.ReasonedAct
    code: str = Field(primary_key=True)
    letter: str  # The key that chooses it, unique within its act.
    zh: str
    en: str
    reject_reason: RejectReason | None = word(RejectReason)  # Shown to the seller, for rejections.
    position: int = 0
    active: bool = True


class SavedViewRow(SQLModel, table=True):
    """A filter and order of the queue under a name; shared ones are the whole team's."""

    __tablename__ = "saved_view"
    id: str = Field(primary_key=True)
    owner_id: str = Field(foreign_key="person.id", index=True)
    name: str
    query: str  # The query string of the queue page, checked when it was saved.
    shared: bool = False
    created_at: datetime = moment_now()


class ViewPinRow(SQLModel, table=True):
    """A person's saved view; at most one of theirs opens by default."""

    __tablename__ = "view_pin"
    person_id: str = Field(primary_key=True)
    view_id: str = Field(primary_key=True, foreign_key="saved_view.id")
    opens_first: bool = False
