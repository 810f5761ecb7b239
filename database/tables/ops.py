"""What operations know: pending steps, stuck runs by cause, task queues, readings of the installation's health, alerts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    json_object,
    minor_units,
    moment,
    moment_maybe,
    moment_now,
    word,
    word_key,
)
from domain.ops.alerts import AlertRule, AlertState
from domain.ops.causes import Sign
from domain.ops.health import Measure, Upkeep
from domain.ops.maintenance import OPEN, Why, WindowState
from domain.ops.repairs import Excluded, ItemState, RepairKind, RepairState, Suspended
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


class WorkerProcessRow(TableRow):
    """A worker process by its name, with its last heartbeat; the name is free again once the process has ended or is lost."""

    __tablename__ = "worker_process"
    name: Mapped[str] = mapped_column(primary_key=True)  # <kind>@<host>, with a number where one host runs several.
    kind: Mapped[str]  # cards | reading
    host: Mapped[str]
    pid: Mapped[int]
    build_id: Mapped[str]
    queues: Mapped[dict[str, Any]] = json_object()  # Task queue → kind → used slots, all slots, waits.
    started_at: Mapped[datetime] = moment()
    beat_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment_maybe()
    drain_at: Mapped[datetime | None] = moment_maybe()
    drain_by: Mapped[str] = mapped_column(default="")  # A person's id, or `cli:<user of the system>`.
    drain_why: Mapped[str] = mapped_column(default="")


class WorkerBuildRow(TableRow):
    """A build of workflows and activities that has worked here, and how many open runs it has written a part of."""

    __tablename__ = "worker_build"
    build_id: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime] = moment()
    last_at: Mapped[datetime] = moment()
    open_runs: Mapped[int | None] = mapped_column(default=None)  # None: not counted yet.
    counted_at: Mapped[datetime | None] = moment_maybe()


class RepairRow(TableRow):
    """One repair: what is done to its runs, how fast, by whom and why. Its runs are `repair_item`."""

    __tablename__ = "repair"
    __table_args__ = (
        Index("repair_newest", "drafted_at", "id"),
        # What the loop that speaks with their workflows looks for.
        Index("repair_unheard", "id", postgresql_where=text("heard_revision < revision")),
        Index("repair_open", "state", postgresql_where=text("state IN ('waiting', 'running', 'suspended')")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[RepairKind] = word(RepairKind, required=True)
    state: Mapped[RepairState] = word(RepairState, RepairState.DRAFT)
    options: Mapped[dict[str, object]] = json_object()
    reason_code: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    source: Mapped[dict[str, object]] = json_object()  # cause, runs (how many were named) or retries.
    retries: Mapped[str | None] = mapped_column(
        ForeignKey("repair.id"), default=None
    )  # Whose failed items it takes over.
    canary: Mapped[int]
    rate_per_s: Mapped[int]
    failures_bp: Mapped[int]
    rules_version: Mapped[str]
    two_people: Mapped[bool] = mapped_column(default=False)  # Decided when it was submitted.
    drafted_by: Mapped[str]  # person.id
    makers: Mapped[list[str]] = json_list()  # Everybody who drafted or submitted it, with whom they acted for.
    drafted_at: Mapped[datetime] = moment_now()
    previewed_at: Mapped[datetime | None] = moment_maybe()
    submitted_at: Mapped[datetime | None] = moment_maybe()
    submitted_by: Mapped[str | None] = mapped_column(default=None)
    decided_by: Mapped[str | None] = mapped_column(default=None)  # The second person, who agreed or refused.
    decided_at: Mapped[datetime | None] = moment_maybe()
    suspended_why: Mapped[Suspended | None] = word(Suspended)
    suspended_at: Mapped[datetime | None] = moment_maybe()
    canary_passed: Mapped[bool] = mapped_column(default=False)
    forgiven: Mapped[int] = mapped_column(default=0)  # Failures that a person has seen and resumed it after.
    started_at: Mapped[datetime | None] = moment_maybe()
    acted_at: Mapped[datetime | None] = moment_maybe()  # When it last acted on a run.
    ended_at: Mapped[datetime | None] = moment_maybe()
    revision: Mapped[int] = mapped_column(default=0)  # Rises with each act of a person.
    heard_revision: Mapped[int] = mapped_column(default=0)  # What its workflow has been signalled.


class RepairItemRow(TableRow):
    """One run of a repair. `place` counts from 1 and is the order in which runs are acted on."""

    __tablename__ = "repair_item"
    __table_args__ = (
        Index("repair_item_by_state", "repair_id", "state", "place"),
        Index("repair_item_live_once", "workflow_id", unique=True, postgresql_where=text("live")),
        Index("repair_item_unproven", "workflow_id", postgresql_where=text("state IN ('acting', 'acted', 'failed_again')")),
        Index("repair_item_by_subject", "subject"),
    )  # fmt: skip
    repair_id: Mapped[str] = mapped_column(ForeignKey("repair.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workflow_id: Mapped[str]
    subject: Mapped[str]  # The id of the card.
    card_type: Mapped[str] = mapped_column(default="")
    brand: Mapped[str] = mapped_column(default="")
    stage: Mapped[str] = mapped_column(default="")  # When it was previewed.
    waiting_for: Mapped[str] = mapped_column(default="")
    step: Mapped[str] = mapped_column(default="")
    value_minor: Mapped[int] = minor_units()
    state: Mapped[ItemState] = word(ItemState, ItemState.WAITING)
    live: Mapped[bool] = mapped_column(default=False)  # This repair has the run; no other can.
    excluded: Mapped[Excluded | None] = word(Excluded)
    # foreseen: what, facts; keeps: what people hold; why: the facts of an exclusion; done: what the act said.
    found: Mapped[dict[str, object]] = json_object()
    error: Mapped[str] = mapped_column(default="")  # The short word of a failure: its errors are grouped by it.
    message: Mapped[str] = mapped_column(default="")  # Without secrets.
    claimed_by: Mapped[str] = mapped_column(default="")  # The attempt that acts on it.
    acting_at: Mapped[datetime | None] = moment_maybe()
    acted_at: Mapped[datetime | None] = moment_maybe()
    proven_at: Mapped[datetime | None] = moment_maybe()


class HealthReadingRow(TableRow):
    """The newest reading of one measure; a job replaces it."""

    __tablename__ = "health_reading"
    measure: Mapped[Measure] = word_key(Measure)
    value: Mapped[float | None]
    absent: Mapped[bool]  # There is nothing to measure, e.g. no standby.
    failed: Mapped[bool]
    facts: Mapped[dict[str, str]] = json_object()
    parts: Mapped[dict[str, float]] = json_object()  # What the value is made of, by name.
    taken_at: Mapped[datetime] = moment()


class LoopHealthRow(TableRow):
    """How one background loop of one process fares, as that process wrote down last."""

    __tablename__ = "loop_health"
    process: Mapped[str] = mapped_column(primary_key=True)  # Its name, process id and host.
    loop: Mapped[str] = mapped_column(primary_key=True)
    interval_s: Mapped[float]
    lag_s: Mapped[float]  # Since a look last ended well.
    took_ms: Mapped[float]
    failures: Mapped[int]  # In a row.
    seen_at: Mapped[datetime] = moment(index=True)


class UpkeepRow(TableRow):
    """A check of the invariants or a backup that ended: what it found, and when."""

    __tablename__ = "upkeep"
    __table_args__ = (Index("upkeep_newest", "kind", "ended_at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[Upkeep] = word(Upkeep, required=True)
    began_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime] = moment()
    # Of a check: how many violations by invariant, and the first of them in words. Of a backup: how many files.
    found: Mapped[dict[str, object]] = json_object()


class AlertRow(TableRow):
    """One alert from its first sign to its end. Of one rule and subject at most one is not over."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_once", "rule", "subject", unique=True, postgresql_where=text("state <> 'over'")),
        Index("alert_history", "fired_at", postgresql_where=text("fired_at IS NOT NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[AlertRule] = word(AlertRule, required=True)
    subject: Mapped[str]  # A task queue or an invariant; empty where the rule concerns the whole installation.
    state: Mapped[AlertState] = word(AlertState, required=True)
    since: Mapped[datetime] = moment()  # Since when its value has been above the limit.
    fired_at: Mapped[datetime | None] = moment_maybe()
    calm_since: Mapped[datetime | None] = moment_maybe()
    over_at: Mapped[datetime | None] = moment_maybe()
    value: Mapped[float]
    worst: Mapped[float]
    limit_value: Mapped[float]
    owner: Mapped[str]  # A role, or person:<id>.
    sent: Mapped[int] = mapped_column(default=0)  # How often its owner was notified that it fires.
    sent_at: Mapped[datetime | None] = moment_maybe()  # None: it has not been sent.
    acknowledged_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    acknowledged_at: Mapped[datetime | None] = moment_maybe()
    snoozed_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    snoozed_until: Mapped[datetime | None] = moment_maybe()
    snooze_reason: Mapped[str] = mapped_column(default="")
