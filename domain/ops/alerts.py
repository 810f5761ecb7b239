"""When an alert begins and ends: a rule's value above its limit for long enough, and below it for long enough. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ops.health import Unit
from domain.ops.runbook import Topic


class AlertRule(StrEnum):
    """What an alert can be about. Each has a section in the runbook under its own name."""

    STUCK = "stuck"
    WORKERS = "workers"  # One alert for each task queue.
    DEADLINES = "deadlines"
    INVARIANTS = "invariants"  # One alert for each invariant.
    WEBHOOKS = "webhooks"
    LOOPS = "loops"
    SET_ASIDE = "set_aside"
    TICKET_GROWTH = "ticket_growth"  # One alert for each category, brand and step.
    STUCK_OLDEST = "stuck_oldest"
    PAYOUT_UNKNOWN = "payout_unknown"
    OUTBOX = "outbox"
    BACKUP = "backup"
    CLOCK = "clock"
    TEMPORAL = "temporal"
    QUOTES = "quotes"
    DISK = "disk"
    CONNECTIONS = "connections"

    @property
    def topic(self) -> Topic:
        """Its section in the runbook."""
        return Topic(self.value)

    @property
    def unit(self) -> Unit:
        """What its value and limit count."""
        if self in COUNTS:
            return Unit.COUNT
        return Unit.SECONDS if self in AGES else Unit.SHARE


COUNTS = (
    AlertRule.STUCK,
    AlertRule.WORKERS,
    AlertRule.DEADLINES,
    AlertRule.INVARIANTS,
    AlertRule.WEBHOOKS,
    AlertRule.LOOPS,
    AlertRule.SET_ASIDE,
    AlertRule.TICKET_GROWTH,
)
AGES = (
    AlertRule.STUCK_OLDEST,
    AlertRule.PAYOUT_UNKNOWN,
    AlertRule.OUTBOX,
    AlertRule.BACKUP,
    AlertRule.CLOCK,
    AlertRule.TEMPORAL,
)
SHARES = (AlertRule.QUOTES, AlertRule.DISK, AlertRule.CONNECTIONS)


class AlertState(StrEnum):
    """The state of an alert."""

    PENDING = "pending"  # Above its limit, not yet for long enough.
    FIRING = "firing"
    OVER = "over"


@dataclass(frozen=True)
class Timing:
    """For how long a value must be above its limit before the alert fires, and calm before it is over."""

    fires_after: timedelta
    calm_for: timedelta


@dataclass(frozen=True)
class AlertProgress:
    """One alert: since when its value has been above the limit, when it fired, and since when it has been calm."""

    state: AlertState
    since: datetime
    fired_at: datetime | None = None
    calm_since: datetime | None = None


def following(before: AlertProgress | None, above: bool, timing: Timing, now: datetime) -> AlertProgress | None:
    """Return the alert's state after an evaluation; None without one, or where a pending one has passed."""
    if before is None or before.state is AlertState.OVER:
        before = AlertProgress(AlertState.PENDING, now) if above else None
    if before is None:
        return None
    if before.state is AlertState.PENDING:
        return _pending(before, above, timing, now)
    if above:
        return replace(before, calm_since=None)
    calm_since = before.calm_since or now
    state = AlertState.OVER if now - calm_since >= timing.calm_for else AlertState.FIRING
    return replace(before, calm_since=calm_since, state=state)


def _pending(before: AlertProgress, above: bool, timing: Timing, now: datetime) -> AlertProgress | None:
    if not above:
        return None
    if now - before.since < timing.fires_after:
        return before
    return replace(before, state=AlertState.FIRING, fired_at=now)
