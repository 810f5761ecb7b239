"""What is known of open workflows beyond their own rows: pending steps, stuck runs by cause, and the task queues."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, minor_units, moment, moment_maybe, word
from domain.ops.causes import Sign
from domain.ops.runs import RunKind, StepState


class PendingStepRow(SQLModel, table=True):
    """The step of an open workflow that failed, or that Temporal was asked about. A run without trouble has no row."""

    __tablename__ = "pending_step"
    workflow_id: str = Field(primary_key=True)
    kind: RunKind = word(RunKind, required=True)
    subject: str  # The id of the card.
    state: StepState = word(StepState, required=True)
    step: str  # The activity's name.
    queue: str  # Its task queue.
    provider: str
    failures: int  # Since the step last succeeded.
    error_class: str
    reason: str  # A short word of ours or of the provider's, e.g. timeout.
    message: str  # Without secrets.
    since: datetime = moment()  # Of the first failure, or of the scheduling where nothing failed.
    last_at: datetime = moment()  # Of the newest report.
    next_at: datetime | None = moment_maybe()  # Of the next attempt.
    build_id: str
    worker: str


class StuckRunRow(SQLModel, table=True):
    """A run that counts as stuck by the rules in force; it leaves the table when it moves on."""

    __tablename__ = "stuck_run"
    __table_args__ = (Index("stuck_run_by_cause", "cause", "since", "workflow_id"),)
    workflow_id: str = Field(primary_key=True)
    kind: RunKind = word(RunKind, required=True)
    subject: str  # The id of the card.
    cause: str
    sign: Sign = word(Sign, required=True)
    error_class: str
    step: str
    provider: str
    build_id: str
    queue: str
    reason: str
    message: str
    failures: int
    since: datetime = moment()  # Since when it has not moved.
    next_at: datetime | None = moment_maybe()
    value_minor: int = minor_units()  # Money at stake, CNY minor units; 0 where no value is known yet.
    stage: str
    waiting_for: str
    card_type: str
    brand: str
    found_at: datetime = moment()


class StuckCauseRow(SQLModel, table=True):
    """What the stuck runs of one cause come to. `trend` holds the count at each of the last 60 minutes (minute → count)."""

    __tablename__ = "stuck_cause"
    cause: str = Field(primary_key=True)
    sign: Sign = word(Sign, required=True)
    error_class: str
    step: str
    provider: str
    build_id: str
    queue: str
    reason: str  # Of its newest error.
    message: str
    runs: int
    oldest: datetime = moment()
    value_minor: int = minor_units()
    first_at: datetime = moment()
    trend: dict[str, int] = json_object()


class TaskQueueRow(SQLModel, table=True):
    """A task queue as Temporal described it last. Times in seconds; rates per second."""

    __tablename__ = "task_queue"
    queue: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)  # workflow | activity
    pollers: int
    backlog: int
    backlog_age_s: float
    added_per_s: float
    dispatched_per_s: float
    described: dict[str, object] = json_object()  # Each poller: identity, build id, last seen.
    seen_at: datetime = moment()


class RunWatchRow(SQLModel, table=True):
    """When each look at Temporal last ended well, and what it found; one row per kind of look."""

    __tablename__ = "run_watch"
    look: str = Field(primary_key=True)  # stuck | describe | queues | sweep
    ended_at: datetime = moment()
    found: dict[str, object] = json_object()
