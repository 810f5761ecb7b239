"""Who may have which task: one pure answer with its reasons, with which the statement that gives tasks out agrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.people.acting import ActingReviewer, Reviewer
from domain.work.kinds import REVIEW, KindOfWork, kind_of
from domain.work.lease import holder_of
from domain.work.task import TaskPhase


class Ineligible(StrEnum):
    """Why a person cannot have a task now."""

    CLOSED = "closed"  # No decision is awaited any more.
    DECIDED = "decided"  # There is a valid decision.
    HELD = "held"  # Another person is working on it.
    ASSIGNED = "assigned"  # It is assigned to another person.
    SNOOZED = "snoozed"  # Its snooze has not ended.
    MAY_BE_UNDONE = "may_be_undone"  # Its maker can still undo the outcome that is to be checked.
    OWN_WORK = "own_work"  # They, a person they act for, or the recent maker of their account, made the decision to be checked.
    BARRED = "barred"  # They, or a person they act for, already acted on one side of four eyes.
    RELATIVE = "relative"  # The seller is a relative of one of them.
    LINKED = "linked"  # The seller is one of them: same phone, payee, name or address.
    NO_PERMISSION = "no_permission"  # Their roles do not decide, or do not check.
    ESCALATED = "escalated"  # It waits for a senior.
    CARD_TYPE = "card_type"  # Not a card type they know.
    BRAND = "brand"  # Not a brand they know.
    LANGUAGE = "language"  # Not a language they write.
    LIMIT = "limit"  # Above their limit.


@dataclass(frozen=True)
class TaskFacts:
    """All of a task that eligibility depends on. `checkable_at`: from when a staged outcome may be checked."""

    card_type: str | None  # None: no skill in a card type is asked for.
    brand: str  # Empty: no skill in a brand is asked for.
    kind: str = REVIEW
    language: str = "zh_CN"
    value_minor: int = 0
    seller: str = ""
    phase: TaskPhase = TaskPhase.REVIEW
    escalated: bool = False
    closed: bool = False
    decided: bool = False
    leased_by: str | None = None
    leased_until: datetime | None = None
    assigned_to: str | None = None
    snoozed_until: datetime | None = None
    maker_circle: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    checkable_at: datetime | None = None
    linked: frozenset[str] = frozenset()  # People who are, by all we know, the seller.


def why_not(standing: ActingReviewer, task: TaskFacts, now: datetime) -> tuple[Ineligible, ...]:
    """Everything that keeps the person from the task at this moment; empty when they may have it."""
    kind, checking = kind_of(task.kind), task.phase is TaskPhase.CHECK
    holds = {
        Ineligible.CLOSED: task.closed,
        Ineligible.DECIDED: task.decided,
        Ineligible.HELD: holder_of(task, now) not in (None, standing.person),
        Ineligible.ASSIGNED: task.assigned_to not in (None, standing.person),
        Ineligible.SNOOZED: task.snoozed_until is not None and task.snoozed_until > now,
        Ineligible.MAY_BE_UNDONE: checking and task.checkable_at is not None and task.checkable_at > now,
        Ineligible.OWN_WORK: checking and bool(standing.hands & task.maker_circle),
        Ineligible.BARRED: bool(standing.hands & task.barred),
        Ineligible.RELATIVE: task.seller in standing.relatives,
        Ineligible.LINKED: bool(standing.circle & task.linked),
        Ineligible.NO_PERMISSION: (kind.check if checking else kind.take) not in standing.permissions,
    }
    return (*(reason for reason, given in holds.items() if given), *_unable(standing, task, kind))


def lacking(reviewer: Reviewer, task: TaskFacts, kind: KindOfWork) -> tuple[Ineligible, ...]:
    """List what one person's skills, limit and roles lack for the task."""
    holds = {
        Ineligible.ESCALATED: task.escalated and kind.take_escalated not in reviewer.permissions,
        Ineligible.CARD_TYPE: not (task.card_type is None or knows(reviewer.card_types, task.card_type)),
        Ineligible.BRAND: bool(task.brand) and not knows(reviewer.brands, task.brand),
        Ineligible.LANGUAGE: not knows(reviewer.languages, task.language),
        Ineligible.LIMIT: reviewer.limit_minor is not None and task.value_minor > reviewer.limit_minor,
    }
    return tuple(reason for reason, given in holds.items() if given)


def knows(skills: frozenset[str], wanted: str) -> bool:
    """Return whether skills cover what is wanted: an empty set covers everything."""
    return not skills or wanted in skills


def _unable(standing: ActingReviewer, task: TaskFacts, kind: KindOfWork) -> tuple[Ineligible, ...]:
    """Nothing when one of those they act as is able; else what the nearest of them lacks."""
    lacks = [lacking(reviewer, task, kind) for reviewer in standing.eligible_as]
    return min(lacks, key=len, default=(Ineligible.NO_PERMISSION,))
