"""Work items with their clocks, comments and files, and what every desk keeps for its people: drafts, reasons, saved views."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, minor_units, moment, moment_maybe, moment_now, sealed, word
from domain import kinds as _kinds  # noqa: F401  # Registers them.
from domain.cards.card import CardType
from domain.cards.review import RejectReason, ReviewOutcome
from domain.work.deadlines import ClockOwner
from domain.work.kinds import REVIEW
from domain.work.task import Band, CameBack, Priority, TaskPhase


class WorkItemRow(TableRow):
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
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(default=REVIEW)  # A code of `domain.work.kinds`.
    # None: the work concerns no card.
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.id"), default=None, index=True)
    card_type: Mapped[CardType | None] = word(CardType)  # None: no skill in a card type is asked for.
    brand: Mapped[str] = mapped_column(default="")  # Empty: no skill in a brand is asked for.
    # The seller's; a reviewer who asks them something writes in it.
    language: Mapped[str] = mapped_column(default="zh_CN")
    seller: Mapped[str] = mapped_column(default="")  # The submission's owner: seller:<id> or partner:<id>.
    team: Mapped[str] = mapped_column(default="cards")
    priority: Mapped[Priority] = word(Priority, Priority.NORMAL)
    value_minor: Mapped[int] = minor_units()  # Quote or face value in CNY minor units; for order and limits.
    reasons: Mapped[list[str]] = json_list()
    opened_at: Mapped[datetime] = moment_now()
    phase: Mapped[TaskPhase] = word(TaskPhase, TaskPhase.REVIEW)
    band: Mapped[int] = mapped_column(SmallInteger, default=int(Band.ORDINARY))
    order_at: Mapped[datetime] = moment_now()  # Within its band, earlier comes first.
    warn_at: Mapped[datetime] = moment()
    due_at: Mapped[datetime] = moment()
    warned_at: Mapped[datetime | None] = moment_maybe()
    breached_at: Mapped[datetime | None] = moment_maybe()
    # Of an overdue item with its own clock: when the next step of its chain is notified.
    next_chain_at: Mapped[datetime | None] = moment_maybe()
    escalated: Mapped[bool] = mapped_column(default=False)
    escalation_reason: Mapped[str] = mapped_column(default="")
    came_back: Mapped[CameBack | None] = word(CameBack)
    came_back_reason: Mapped[str] = mapped_column(default="")  # The note or reason of the person who returned it.
    came_back_at: Mapped[datetime | None] = moment_maybe()  # Ahead while it is snoozed.
    leased_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    leased_at: Mapped[datetime | None] = moment_maybe()  # When they took it; renewals leave it alone.
    leased_until: Mapped[datetime | None] = moment_maybe()
    assigned_to: Mapped[str | None] = mapped_column(default=None)  # person.id; it is the next task of no one else.
    assigned_at: Mapped[datetime | None] = moment_maybe()
    snoozed_until: Mapped[datetime | None] = moment_maybe()
    snooze_reason: Mapped[str] = mapped_column(default="")
    snoozed_by: Mapped[str | None] = mapped_column(default=None)  # person.id; notified when the snooze ends.
    # Another desk or the customer must act: it is taken by name only, and is no one's next task.
    waiting: Mapped[bool] = mapped_column(default=False)
    # A decision exists that was not undone, returned or refused; the task cannot be claimed.
    decided: Mapped[bool] = mapped_column(default=False)
    maker_id: Mapped[str | None] = mapped_column(default=None)  # Who made the outcome that waits for a check.
    # The maker, everyone they acted for, and who made their accounts lately; none of them may check it.
    maker_circle: Mapped[list[str]] = json_list()
    # People who were on one side of four eyes already and may not be on any other.
    barred: Mapped[list[str]] = json_list()
    # People linked to the seller by telephone, payee or address; never decided by them.
    linked: Mapped[list[str]] = json_list()
    staged_id: Mapped[str | None] = mapped_column(default=None)  # The review_decision that waits for a check.
    blind: Mapped[bool] = mapped_column(default=False)  # The checker is not shown the maker's outcome before their own.
    blind_outcome: Mapped[ReviewOutcome | None] = word(ReviewOutcome)  # The checker's own decision.
    blind_by: Mapped[str | None] = mapped_column(default=None)  # Which checker that was.
    # The version of the deadline policies its clock was planned with.
    plan_version: Mapped[int] = mapped_column(default=0)
    replan: Mapped[bool] = mapped_column(default=False)  # Its workflow must be notified that its clock has changed.
    closed_at: Mapped[datetime | None] = moment_maybe()
    decision_id: Mapped[str | None] = mapped_column(ForeignKey("review_decision.id"), default=None)

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


class ClockIntervalRow(TableRow):
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
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.id"), default=None)  # None: the item's own clock.
    task_id: Mapped[str]
    owner: Mapped[ClockOwner] = word(ClockOwner, required=True)
    person_id: Mapped[str | None] = mapped_column(default=None)  # Who held it, where one person did.
    runs: Mapped[bool]  # False: we cannot act, so no working time is used.
    started_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment_maybe()


class ClockPlanRow(TableRow):
    """One planning of a task's clock: enough to compute it again and to say why the task is due then."""

    __tablename__ = "clock_plan"
    __table_args__ = (Index("clock_plan_by_task", "task_id", "at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str]
    policy_version: Mapped[int]
    policy: Mapped[str]  # The code of the policy within that version.
    calendar: Mapped[str]
    budget_s: Mapped[int]  # Working seconds allowed.
    used_s: Mapped[int]  # Working seconds used before `at`.
    warn_at: Mapped[datetime] = moment()
    due_at: Mapped[datetime] = moment()
    why: Mapped[str]  # opened | policy_changed | escalated | resumed
    at: Mapped[datetime] = moment_now()


class AlarmRow(TableRow):
    """A warning, a breach or a step of the chain that was sounded: once each, whatever restarts."""

    __tablename__ = "deadline_alarm"
    task_id: Mapped[str] = mapped_column(primary_key=True)
    alarm: Mapped[str] = mapped_column(primary_key=True)  # warning | breach | chain:<number>
    role: Mapped[str] = mapped_column(default="")  # That was notified.
    at: Mapped[datetime] = moment_now()


class CommentRow(TableRow):
    """One comment on a card or on a work item; the people it mentions are notified."""

    __tablename__ = "card_comment"
    id: Mapped[str] = mapped_column(primary_key=True)
    # None: on an item without a card.
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.id"), default=None, index=True)
    # None: on the card at large.
    task_id: Mapped[str | None] = mapped_column(ForeignKey("work_item.id"), default=None, index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    words: Mapped[str]
    mentions: Mapped[list[str]] = json_list()  # person ids
    at: Mapped[datetime] = moment_now()


class AttachmentRow(TableRow):
    """A file kept with a comment on a card or a work item; its bytes are sealed in the photo store, its hash is in the evidence."""

    __tablename__ = "card_attachment"
    id: Mapped[str] = mapped_column(primary_key=True)
    # None: kept with an item without a card.
    card_id: Mapped[str | None] = mapped_column(ForeignKey("card.id"), default=None, index=True)
    # None: kept with the card at large.
    task_id: Mapped[str | None] = mapped_column(ForeignKey("work_item.id"), default=None, index=True)
    comment_id: Mapped[str | None] = mapped_column(ForeignKey("card_comment.id"), default=None)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]  # Of the bytes as uploaded (hex); also their name in the store.
    at: Mapped[datetime] = moment_now()


class ReviewDraftRow(TableRow):
    """A person's unsent input on a task: sealed, because it may contain a number or a PIN."""

    __tablename__ = "review_draft"
    task_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(primary_key=True)
    fields_sealed: Mapped[bytes] = sealed(required=True)  # JSON object of the form's fields.
    saved_at: Mapped[datetime] = moment_now()


class ReasonCodeRow(TableRow):
    """One reason of the managed list, for one kind of act, in both languages."""

    __tablename__ = "reason_code"
    act: Mapped[str] = mapped_column(primary_key=True)  # domain.work.reason_codes.ReasonedAct
    code: Mapped[str] = mapped_column(primary_key=True)
    letter: Mapped[str]  # The key that chooses it, unique within its act.
    zh: Mapped[str]
    en: Mapped[str]
    reject_reason: Mapped[RejectReason | None] = word(RejectReason)  # Shown to the seller, for rejections.
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class SavedViewRow(TableRow):
    """A filter and order of the queue under a name; shared ones are the whole team's."""

    __tablename__ = "saved_view"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str]
    query: Mapped[str]  # The query string of the queue page, checked when it was saved.
    shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = moment_now()


class ViewPinRow(TableRow):
    """A person's saved view; at most one of theirs opens by default."""

    __tablename__ = "view_pin"
    person_id: Mapped[str] = mapped_column(primary_key=True)
    view_id: Mapped[str] = mapped_column(ForeignKey("saved_view.id"), primary_key=True)
    opens_first: Mapped[bool] = mapped_column(default=False)
