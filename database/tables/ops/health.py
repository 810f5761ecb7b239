"""Readings of health, the loops of every process, checks and backups, and alerts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    json_object,
    moment,
    moment_maybe,
    word,
    word_key,
)
from domain.ops.alerts import AlertRule, AlertState
from domain.ops.health import Measure, Upkeep


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


class InvariantResultRow(TableRow):
    """What the newest check of one invariant found: of everything (`whole`), or of what is recent."""

    __tablename__ = "invariant_result"
    name: Mapped[str] = mapped_column(primary_key=True)
    whole: Mapped[bool] = mapped_column(primary_key=True)
    code: Mapped[str]  # I1 …
    broken: Mapped[int]  # How many faults; as many as were named at most.
    said: Mapped[list[str]] = json_list()  # The first of them in words.
    finished: Mapped[bool]  # In the time that it has.
    took_ms: Mapped[int]
    checked_at: Mapped[datetime] = moment()
    broken_since: Mapped[datetime | None] = moment_maybe()  # The first check in a row that found something.


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
    policy_version: Mapped[str] = mapped_column(default="")  # Of its last look; empty: from before it was kept.
    sent: Mapped[int] = mapped_column(default=0)  # How often its owner was notified that it fires.
    sent_at: Mapped[datetime | None] = moment_maybe()  # None: it has not been sent.
    acknowledged_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    acknowledged_at: Mapped[datetime | None] = moment_maybe()
    snoozed_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    snoozed_until: Mapped[datetime | None] = moment_maybe()
    snooze_reason: Mapped[str] = mapped_column(default="")
