"""Work items with their clocks, comments and files, and what every desk keeps for its people: drafts, reasons, saved views."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, minor_units, moment, moment_maybe, moment_now, sealed, word
from domain import kinds as _kinds  # noqa: F401  # Registers them.
from domain.cards.card import CardType
from domain.cards.review import RejectReason, ReviewOutcome
from domain.work.deadlines import ClockOwner
from domain.work.kinds import REVIEW
from domain.work.task import Band, CameBack, Priority, TaskPhase


class WorkItemRow(SQLModel, table=True):
    """One piece of work of one kind. Open until `closed_at`; done by at most one person, who holds the lease.

    `band` and `order_at` are written by `domain.work.queue_order` with every change that moves the task, so that the queue
    is read in the order of one index.
    """

    __tablename__ = "work_item"
    __table_args__ = (
        Index("work_item_queue", "kind", "band", "order_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("work_item_open_once", "kind", "card_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("work_item_leases", "leased_by", "leased_until", postgresql_where=text("closed_at IS NULL AND leased_by IS NOT NULL")),
        Index("work_item_snoozed", "snoozed_until", postgresql_where=text("closed_at IS NULL AND snoozed_until IS NOT NULL")),
        Index("work_item_assigned", "assigned_to", "band", "order_at", "id", postgresql_where=text("closed_at IS NULL AND assigned_to IS NOT NULL")),
        # The other orders of the queue page, and what its counts count.
        Index("work_item_due", "kind", "due_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("work_item_value", "kind", "value_minor", "id", postgresql_where=text("closed_at IS NULL")),
        Index("work_item_opened", "kind", "opened_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index("work_item_replan", "id", postgresql_where=text("closed_at IS NULL AND replan")),
        # What the figures over a time are counted by.
        Index("work_item_arrived", "opened_at"),
        Index("work_item_checks", "order_at", postgresql_where=text("closed_at IS NULL AND phase = 'check'")),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    kind: str = REVIEW  # A code of `domain.work.kinds`.
    card_id: str | None = Field(default=None, foreign_key="card.id", index=True)  # None: the work concerns no card.
    card_type: CardType | None = word(CardType)  # None: no skill in a card type is asked for.
    brand: str = ""  # Empty: no skill in a brand is asked for.
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
    decided: bool = False  # A decision stands that was not undone, returned or refused; nobody can take the task.
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

    @property
    def card(self) -> str:
        """The card of an item whose kind always has one. Raises ValueError for an item without."""
        if self.card_id is None:
            raise ValueError(f"work item {self.id} concerns no card")
        return self.card_id

    @property
    def type_of_card(self) -> CardType:
        """The card type of an item whose kind always has one. Raises ValueError for an item without."""
        if self.card_type is None:
            raise ValueError(f"work item {self.id} names no card type")
        return self.card_type


class ClockIntervalRow(SQLModel, table=True):
    """A stretch of time with one owner: of a card's step, or of one item that holds up no card. The clock runs for our people."""

    __tablename__ = "clock_interval"
    __table_args__ = (
        Index("clock_interval_by_card", "card_id", "started_at"),
        Index("clock_interval_open_once", "card_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("clock_interval_by_task", "task_id", postgresql_where=text("card_id IS NULL")),
        Index(
            "clock_interval_own_open_once",
            "task_id",
            unique=True,
            postgresql_where=text("card_id IS NULL AND ended_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    card_id: str | None = Field(default=None, foreign_key="card.id")  # None: the item's own clock.
    task_id: str
    owner: ClockOwner = word(ClockOwner, required=True)
    person_id: str | None = None  # Who held it, where one person did.
    runs: bool  # False: nobody of ours can do anything, so no working time is used up.
    started_at: datetime = moment()
    ended_at: datetime | None = moment_maybe()


class ClockPlanRow(SQLModel, table=True):
    """One planning of a task's clock: enough to compute it again and to say why the task is due then."""

    __tablename__ = "clock_plan"
    __table_args__ = (Index("clock_plan_by_task", "task_id", "at"),)
    id: str = Field(primary_key=True)
    task_id: str
    policy_version: int
    policy: str  # The code of the policy within that version.
    calendar: str
    budget_s: int  # Working seconds allowed.
    used_s: int  # Working seconds used before `at`.
    warn_at: datetime = moment()
    due_at: datetime = moment()
    why: str  # opened | policy_changed | escalated | resumed
    at: datetime = moment_now()


class AlarmRow(SQLModel, table=True):
    """A warning, a breach or a step of the chain that was sounded: once each, whatever restarts."""

    __tablename__ = "deadline_alarm"
    task_id: str = Field(primary_key=True)
    alarm: str = Field(primary_key=True)  # warning | breach | chain:<number>
    told: str = ""  # The role that was notified.
    at: datetime = moment_now()


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
