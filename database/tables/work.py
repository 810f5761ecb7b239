"""Work items: what waits for a person at any desk, with its lease, its place in the queue and its clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, minor_units, moment, moment_maybe, moment_now, word
from domain import kinds as _kinds  # noqa: F401  # Registers them.
from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
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
