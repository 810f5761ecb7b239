"""What is known of open workflows beyond their own rows: pending steps, stuck runs by cause, and the task queues."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from database.tables.columns import TableRow, json_object, minor_units, moment, moment_maybe, moment_now, word
from domain.ops.causes import Sign
from domain.ops.maintenance import OPEN, Why, WindowState
from domain.ops.runs import RunKind, StepState


class PendingStepRow(TableRow):
    """The step of an open workflow that failed, or that Temporal was asked about. A run without trouble has no row."""

    __tablename__ = "pending_step"
    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[RunKind] = word(RunKind, required=True)
    subject: Mapped[str]  # The id of the card.
    state: Mapped[StepState] = word(StepState, required=True)
    step: Mapped[str]  # The activity's name.
    queue: Mapped[str]  # Its task queue.
    provider: Mapped[str]
    failures: Mapped[int]  # Since the step last succeeded.
    error_class: Mapped[str]
    reason: Mapped[str]  # A short word of ours or of the provider's, e.g. timeout.
    message: Mapped[str]  # Without secrets.
    since: Mapped[datetime] = moment()  # Of the first failure, or of the scheduling where nothing failed.
    last_at: Mapped[datetime] = moment()  # Of the newest report.
    next_at: Mapped[datetime | None] = moment_maybe()  # Of the next attempt.
    build_id: Mapped[str]
    worker: Mapped[str]


class StuckRunRow(TableRow):
    """A run that counts as stuck by the rules in force; it leaves the table when it moves on."""

    __tablename__ = "stuck_run"
    __table_args__ = (Index("stuck_run_by_cause", "cause", "since", "workflow_id"),)
    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[RunKind] = word(RunKind, required=True)
    subject: Mapped[str]  # The id of the card.
    cause: Mapped[str]
    sign: Mapped[Sign] = word(Sign, required=True)
    error_class: Mapped[str]
    step: Mapped[str]
    provider: Mapped[str]
    build_id: Mapped[str]
    queue: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str]
    failures: Mapped[int]
    since: Mapped[datetime] = moment()  # Since when it has not moved.
    next_at: Mapped[datetime | None] = moment_maybe()
    value_minor: Mapped[int] = minor_units()  # Money at stake, CNY minor units; 0 where no value is known yet.
    stage: Mapped[str]
    waiting_for: Mapped[str]
    card_type: Mapped[str]
    brand: Mapped[str]
    found_at: Mapped[datetime] = moment()


class StuckCauseRow(TableRow):
    """What the stuck runs of one cause come to. `trend` holds the count at each of the last 60 minutes (minute → count)."""

    __tablename__ = "stuck_cause"
    cause: Mapped[str] = mapped_column(primary_key=True)
    sign: Mapped[Sign] = word(Sign, required=True)
    error_class: Mapped[str]
    step: Mapped[str]
    provider: Mapped[str]
    build_id: Mapped[str]
    queue: Mapped[str]
    reason: Mapped[str]  # Of its newest error.
    message: Mapped[str]
    runs: Mapped[int]
    oldest: Mapped[datetime] = moment()
    value_minor: Mapped[int] = minor_units()
    first_at: Mapped[datetime] = moment()
    trend: Mapped[dict[str, int]] = json_object()


class TaskQueueRow(TableRow):
    """A task queue as Temporal described it last. Times in seconds; rates per second."""

    __tablename__ = "task_queue"
    queue: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # workflow | activity
    pollers: Mapped[int]
    backlog: Mapped[int]
    backlog_age_s: Mapped[float]
    added_per_s: Mapped[float]
    dispatched_per_s: Mapped[float]
    described: Mapped[dict[str, object]] = json_object()  # Each poller: identity, build id, last seen.
    seen_at: Mapped[datetime] = moment()


class RunWatchRow(TableRow):
    """When each look at Temporal last ended well, and what it found; one row per kind of look."""

    __tablename__ = "run_watch"
    look: Mapped[str] = mapped_column(primary_key=True)  # stuck | queues | sweep
    ended_at: Mapped[datetime] = moment()
    found: Mapped[dict[str, object]] = json_object()


class ProviderWindowRow(TableRow):
    """A window in which a provider, or one brand of an issuer, is in maintenance; see `domain.ops.maintenance`."""

    __tablename__ = "provider_window"
    __table_args__ = (
        Index(
            "provider_window_open", "provider", postgresql_where=text(f"state IN {tuple(one.value for one in OPEN)}")
        ),
        Index("provider_window_history", "provider", "starts_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]  # e.g. issuer:jd
    brand: Mapped[str]  # Empty: all of the provider.
    reason: Mapped[str]
    starts_at: Mapped[datetime] = moment()
    ends_at: Mapped[datetime | None] = moment_maybe()  # Planned; None: until a person ends it.
    state: Mapped[WindowState] = word(WindowState, required=True)
    share: Mapped[int]  # Percent of the usual rate that is let through.
    since: Mapped[datetime] = moment()  # Of state and share.
    next_at: Mapped[datetime | None] = moment_maybe()  # When it changes by itself.
    created_by: Mapped[str]  # A person's id, or `system:<user>` at the command line.
    created_at: Mapped[datetime] = moment_now()
    held_at: Mapped[datetime | None] = moment_maybe()  # When its calls were first held.
    closed_at: Mapped[datetime | None] = moment_maybe()


class ProviderStepRow(TableRow):
    """One change of a window: its history."""

    __tablename__ = "provider_step"
    __table_args__ = (Index("provider_step_of_window", "window_id", "id"),)
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    window_id: Mapped[str]
    at: Mapped[datetime] = moment()
    state: Mapped[WindowState] = word(WindowState, required=True)
    share: Mapped[int]
    why: Mapped[Why] = word(Why, required=True)
    actor: Mapped[str]  # machine, a person's id, or `system:<user>`.


class _Calls(MappedAsDataclass, kw_only=True):
    """What calls come to. Money in fen; `latency` counts the calls of each class of `domain.ops.calls`."""

    provider: Mapped[str] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(primary_key=True)  # Empty where the provider is not asked by brand.
    calls: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)  # Without a usable answer; a refusal is an answer.
    timeouts: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    cost_fen: Mapped[int] = mapped_column(BigInteger)
    latency: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class ProviderSlotRow(_Calls, TableRow):
    """The calls of ten seconds; kept for some hours."""

    __tablename__ = "provider_slot"
    __table_args__ = (Index("provider_slot_at", "at"),)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)  # Its beginning.


class ProviderDayRow(_Calls, TableRow):
    """The calls of one day in the office."""

    __tablename__ = "provider_day"
    day: Mapped[date] = mapped_column(primary_key=True)


class ProviderErrorRow(TableRow):
    """A provider's newest failure."""

    __tablename__ = "provider_error"
    provider: Mapped[str] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(primary_key=True)
    error: Mapped[str]  # Its short word.
    at: Mapped[datetime] = moment()


class ProviderRunningRow(TableRow):
    """The calls to a provider that one process has begun and not ended."""

    __tablename__ = "provider_running"
    provider: Mapped[str] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    running: Mapped[int]
    at: Mapped[datetime] = moment()
