"""What is measured of an installation, and from which value on it needs attention or counts as broken. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ops.runbook import Topic


class State(StrEnum):
    """The state of a measure."""

    OK = "ok"
    ATTENTION = "attention"
    BROKEN = "broken"
    UNKNOWN = "unknown"  # It could not be measured, or the newest reading is too old.


class Unit(StrEnum):
    """What a value counts."""

    COUNT = "count"
    SECONDS = "s"
    BYTES = "bytes"
    SHARE = "bp"  # Basis points.


class Measure(StrEnum):
    """What is measured. Each has a section in the runbook under its own name."""

    CONNECTIONS = "connections"  # Share of the server's connections in use.
    TRANSACTION = "transaction"  # Age of the oldest open transaction.
    DATABASE_SIZE = "database_size"
    REPLICATION = "replication"  # By how much the slowest standby is behind.
    OUTBOX = "outbox"  # For how long the oldest due message has waited.
    WEBHOOKS = "webhooks"  # Webhooks that have not arrived.
    NOTICES = "notices"  # Notices that are due by mail or webhook and have not left.
    SET_ASIDE = "set_aside"  # Pieces of work that a loop could not do.
    INVARIANTS = "invariants"  # Violations that the newest check found.
    CHECKED = "checked"  # Age of the newest check that ended.
    BACKUP = "backup"  # Age of the newest backup.
    TEMPORAL = "temporal"  # Age of Temporal's newest answer.
    LOOKS = "looks"  # Age of the oldest of the looks at stuck cards.
    WORKERS = "workers"  # Task queues without a poller.
    LOOPS = "loops"  # Background loops that fail or are late.
    DISK = "disk"  # Used share of the disk that the state folder is on.
    PHOTOS = "photos"  # Used share of the disk that the photos are on.
    KEYS = "keys"  # Age of the oldest key that signs or seals.
    CERTIFICATE = "certificate"  # Time until the first certificate ends.
    CLOCK = "clock"  # Difference between this machine's clock and the database's.

    @property
    def topic(self) -> Topic:
        """Its section in the runbook."""
        return Topic(self.value)


class Upkeep(StrEnum):
    """What is done to an installation from time to time, and recorded when it ends."""

    CHECK = "check"  # Of everything that must always hold.
    BACKUP = "backup"


HOUR_S, DAY_S = 3600, 86_400


@dataclass(frozen=True)
class Scale:
    """How a measure is judged: from which value on. Without limits it is only shown. `less` reverses the comparison."""

    unit: Unit
    attention: float | None = None
    broken: float | None = None
    less: bool = False

    def state_of(self, value: float) -> State:
        """Return the state of a value."""
        sign = -1 if self.less else 1
        if self.broken is not None and sign * value >= sign * self.broken:
            return State.BROKEN
        if self.attention is not None and sign * value >= sign * self.attention:
            return State.ATTENTION
        return State.OK


SCALES: Mapping[Measure, Scale] = {
    Measure.CONNECTIONS: Scale(Unit.SHARE, 7_000, 9_000),
    Measure.TRANSACTION: Scale(Unit.SECONDS, 10 * 60, HOUR_S),
    Measure.DATABASE_SIZE: Scale(Unit.BYTES),
    Measure.REPLICATION: Scale(Unit.SECONDS, 60, 15 * 60),
    Measure.OUTBOX: Scale(Unit.SECONDS, 60, 10 * 60),
    Measure.WEBHOOKS: Scale(Unit.COUNT, 200, 5_000),
    Measure.NOTICES: Scale(Unit.COUNT, 20, 500),
    Measure.SET_ASIDE: Scale(Unit.COUNT, 1, 50),
    Measure.INVARIANTS: Scale(Unit.COUNT, None, 1),
    Measure.CHECKED: Scale(Unit.SECONDS, 26 * HOUR_S, 3 * DAY_S),
    Measure.BACKUP: Scale(Unit.SECONDS, 26 * HOUR_S, 3 * DAY_S),
    Measure.TEMPORAL: Scale(Unit.SECONDS, 20, 60),
    Measure.LOOKS: Scale(Unit.SECONDS, 150, 600),
    Measure.WORKERS: Scale(Unit.COUNT, None, 1),
    Measure.LOOPS: Scale(Unit.COUNT, 1, 5),
    Measure.DISK: Scale(Unit.SHARE, 8_500, 9_500),
    Measure.PHOTOS: Scale(Unit.SHARE, 8_500, 9_500),
    Measure.KEYS: Scale(Unit.SECONDS, 400 * DAY_S),
    Measure.CERTIFICATE: Scale(Unit.SECONDS, 30 * DAY_S, 5 * DAY_S, less=True),
    Measure.CLOCK: Scale(Unit.SECONDS, 5, 60),
}
# A reading that is older says nothing of the present: the job that takes readings has ended, or the database was away.
FRESH = timedelta(minutes=1)


@dataclass(frozen=True)
class Found:
    """What one look found. `value` is None where it could not be measured; `absent` where there is nothing to measure.

    `facts` name what is behind the value, and `parts` what it is made of, by name; neither holds a secret. `failed` overrides
    the scale: it does not work at all.
    """

    measure: Measure
    value: float | None
    facts: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    absent: bool = False
    failed: bool = False

    @property
    def state(self) -> State:
        """Return its state."""
        if self.failed:
            return State.BROKEN
        if self.absent:
            return State.OK
        return State.UNKNOWN if self.value is None else SCALES[self.measure].state_of(self.value)


@dataclass(frozen=True)
class Reading:
    """One measure as it is shown: its value, when it was taken, and its state now."""

    found: Found
    taken_at: datetime | None  # None: never.
    state: State


def reading(found: Found, taken_at: datetime, now: datetime) -> Reading:
    """Return a reading with the state that it has now: unknown once it is older than FRESH."""
    return Reading(found, taken_at, State.UNKNOWN if now - taken_at > FRESH else found.state)


def worst(states: list[State]) -> State:
    """Return the state of the whole: the worst of the parts."""
    order = (State.BROKEN, State.UNKNOWN, State.ATTENTION)
    return next((one for one in order if one in states), State.OK)
