"""The order of review tasks, and the reasons for a task's place. A place never changes with time alone.

Every change of a task rewrites its band and moment (`services.work.ordering`), so the queue is one index read forwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.work.task import Band, Priority

CREDIT_PER_MINOR = timedelta(minutes=1) / 10_00  # Ten yuan more are worth one minute of waiting.
CREDIT_MAX = timedelta(hours=12)  # A card that has waited this much longer comes first, whatever the other's value.
HIGH_LEAD = timedelta(hours=12)
URGENT_LEAD = timedelta(days=3650)  # Before everything of its band that is not urgent itself.


class OrderReason(StrEnum):
    """Why a task has its place in the queue."""

    MINE_HELD = "mine_held"  # It is in one's own hand.
    MINE_ASSIGNED = "mine_assigned"  # It was given to oneself.
    ESCALATED = "escalated"  # A senior is to look at it.
    LATE = "late"  # Its deadline has passed.
    ABOUT_TO_BREACH = "about_to_breach"  # Its deadline is near.
    CAME_BACK = "came_back"  # It was in the queue before.
    URGENT = "urgent"  # Its priority puts it before all of its band.
    HIGH_PRIORITY = "high_priority"  # Its priority counts like hours of waiting.
    VALUE = "value"  # Its value counts like time of waiting.
    AGE = "age"  # How long it has waited.


@dataclass(frozen=True)
class OrderFacts:
    """All that a task's place depends on. `leased_by` is the holder of a live lease."""

    opened_at: datetime
    due_at: datetime
    value_minor: int  # CNY minor units.
    priority: Priority = Priority.NORMAL
    escalated: bool = False
    warned: bool = False
    breached: bool = False
    came_back_at: datetime | None = None
    leased_by: str | None = None
    assigned_to: str | None = None
    waiting: bool = False  # Another desk or the customer is to act.


def band_of(facts: OrderFacts) -> Band:
    """Return the coarse place: escalated, about to breach, came back, ordinary; behind all of them what waits for others."""
    if facts.waiting:
        return Band.WAITING
    if facts.escalated:
        return Band.ESCALATED
    if facts.warned or facts.breached:
        return Band.ABOUT_TO_BREACH
    return Band.ORDINARY if facts.came_back_at is None else Band.CAME_BACK


def order_at(facts: OrderFacts) -> datetime:
    """Return the place within the band; the earlier comes first."""
    return _moment(facts) - lead(facts.priority)


def credit(value_minor: int) -> timedelta:
    """How much waiting the value of a card (CNY minor units) is worth: never negative, at most twelve hours."""
    return min(max(value_minor, 0) * CREDIT_PER_MINOR, CREDIT_MAX)


def lead(priority: Priority) -> timedelta:
    """How much waiting a priority is worth."""
    return {Priority.NORMAL: timedelta(0), Priority.HIGH: HIGH_LEAD, Priority.URGENT: URGENT_LEAD}[priority]


def reasons_of(facts: OrderFacts, person: str | None) -> tuple[OrderReason, ...]:
    """Return the reasons for the task's place for this person (id), the weightiest first; never empty."""
    ordinary = band_of(facts) is Band.ORDINARY
    holds = {
        OrderReason.MINE_HELD: person is not None and facts.leased_by == person,
        OrderReason.MINE_ASSIGNED: person is not None and facts.assigned_to == person,
        OrderReason.ESCALATED: facts.escalated,
        OrderReason.LATE: facts.breached,
        OrderReason.ABOUT_TO_BREACH: facts.warned and not facts.breached,
        OrderReason.CAME_BACK: facts.came_back_at is not None,
        OrderReason.URGENT: facts.priority is Priority.URGENT,
        OrderReason.HIGH_PRIORITY: facts.priority is Priority.HIGH,
        OrderReason.VALUE: ordinary and facts.value_minor > 0,
        OrderReason.AGE: ordinary,
    }
    return tuple(reason for reason, given in holds.items() if given)


def _moment(facts: OrderFacts) -> datetime:
    match band_of(facts):
        case Band.ESCALATED | Band.ABOUT_TO_BREACH:
            return facts.due_at
        case Band.CAME_BACK if facts.came_back_at is not None:
            return facts.came_back_at
        case _:
            return facts.opened_at - credit(facts.value_minor)
