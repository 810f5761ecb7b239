"""Why a task is due when it is: the facts of its clock as sentences, each a key of the catalogue with its values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.work.deadlines import AtEnd, ClockPlan, Policies, Stretch, Terms, shares
from domain.work.working_time import WorkingCalendar

Value = datetime | date | timedelta | StrEnum | str | int


class DueReason(StrEnum):
    """One thing that a deadline follows from; its words name the values."""

    POLICY = "policy"  # policy, version, budget
    OPENED = "opened"  # opened
    CALENDAR = "calendar"  # calendar, zone
    ROUND_THE_CLOCK = "round_the_clock"  # calendar
    CARRIED = "carried"  # carried, allowed
    FLOOR = "floor"  # carried, allowed
    STOOD = "stood"  # owner, since, until
    STANDS = "stands"  # owner, since
    CLOSED = "closed"  # closed: nights, breaks and free days between opening and deadline.
    HOLIDAY = "holiday"  # holiday, day
    YEAR_UNKNOWN = "year_unknown"  # year
    REPLANNED = "replanned"  # at, version, before
    ESCALATED = "escalated"  # at
    WARNING = "warning"  # warn
    DUE = "due"  # due
    END = "end"  # end: when the policy decides.
    LEFT_OPEN = "left_open"
    SPENT = "spent"  # owner, spent
    SPENT_BY = "spent_by"  # owner, person, spent
    # Of a ticket, whose promises have a clock each:
    PROMISE = "promise"  # promise, started, policy, version, allowed
    PROMISE_LEFT = "promise_left"  # promise, carried, allowed: a reopened ticket continues with what is left.
    PROMISE_DUE = "promise_due"  # promise, warn, due
    PROMISE_LATE = "promise_late"  # promise, due, late, owner
    PROMISE_STANDS = "promise_stands"  # promise, left: it continues with this once the customer has answered.
    PROMISE_FROZEN = "promise_frozen"  # promise, late: it was late before, and no later while it is paused.
    PROMISE_KEPT = "promise_kept"  # promise, kept
    PROMISE_BROKEN = "promise_broken"  # promise, kept, due, owner
    PROMISE_VOID = "promise_void"  # promise, at
    CUSTOMER_HAD = "customer_had"  # since, until
    CUSTOMER_HAS = "customer_has"  # since
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Sentence:
    """Words for a person: the values are put in as the page writes moments, spans and names."""

    reason: DueReason
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanMade:
    """One planning of the clock that was kept: when, why, with which version, and what it made of the deadline."""

    at: datetime
    why: str
    version: int
    due_at: datetime


def explain(
    policies: Policies,
    terms: Terms,
    plan: ClockPlan,
    task_id: str,
    card: Sequence[Stretch],
    plans: Sequence[PlanMade],
    now: datetime,
) -> tuple[Sentence, ...]:
    """All that the deadline follows from, in the order in which one would tell it. `plans` oldest first."""
    calendar = policies.calendars[plan.calendar]
    own = [one for one in card if one.task_id == task_id]
    opened = min((one.starts for one in own), default=now)
    pauses = [
        Sentence(
            DueReason.POLICY,
            {"policy": plan.policy, "version": plan.version, "budget": timedelta(seconds=plan.budget_s)},
        ),
        Sentence(DueReason.OPENED, {"opened": opened}),
        *_carried(plan),
        *about_calendar(calendar),
        *_stood(card),
        *skipped(calendar, opened, plan.due_at),
        *unknown_years(
            calendar, opened, max(one for one in (plan.due_at, *plan.chain, plan.end_at) if one is not None)
        ),
        *replannings(plans),
        Sentence(DueReason.WARNING, {"warn": plan.warn_at}),
        Sentence(DueReason.DUE, {"due": plan.due_at}),
        *_end(policies, terms, plan),
    ]
    spent = shares(calendar, card, now)
    return (
        *pauses,
        *(Sentence(DueReason.SPENT, {"owner": owner, "spent": took}) for owner, took in spent.items() if took),
    )


def _carried(plan: ClockPlan) -> Iterator[Sentence]:
    if not plan.carried_s:
        return
    values = {"carried": timedelta(seconds=plan.carried_s), "allowed": timedelta(seconds=plan.allowed_s)}
    floored = plan.allowed_s > plan.budget_s - plan.carried_s
    yield Sentence(DueReason.FLOOR if floored else DueReason.CARRIED, dict(values))


def about_calendar(calendar: WorkingCalendar) -> Iterator[Sentence]:
    """Say which hours count."""
    if calendar.never_closes:
        yield Sentence(DueReason.ROUND_THE_CLOCK, {"calendar": calendar.code})
    else:
        yield Sentence(DueReason.CALENDAR, {"calendar": calendar.code, "zone": calendar.timezone})


def _stood(card: Sequence[Stretch]) -> Iterator[Sentence]:
    for one in card:
        if one.runs or one.starts == one.ends:
            continue
        values: dict[str, Value] = {"owner": one.owner, "since": one.starts}
        if one.ends is None:
            yield Sentence(DueReason.STANDS, values)
        else:
            yield Sentence(DueReason.STOOD, values | {"until": one.ends})


def skipped(calendar: WorkingCalendar, opened: datetime, due: datetime) -> Iterator[Sentence]:
    """Say what did not count between opening and deadline: nights, days off and holidays."""
    closed = (due - opened) - calendar.worked(opened, due) if due > opened else timedelta(0)
    if closed:
        yield Sentence(DueReason.CLOSED, {"closed": closed})
    if due > opened:
        for day in calendar.days(opened, due):
            if (name := calendar.holiday_on(day)) and not calendar.shifts_on(day):
                yield Sentence(DueReason.HOLIDAY, {"holiday": name, "day": day})


def unknown_years(calendar: WorkingCalendar, opened: datetime, last: datetime) -> Iterator[Sentence]:
    """Say which years the clock runs into, to its last step, whose movable holidays are not announced yet."""
    for year in calendar.unknown_years(opened, last):
        yield Sentence(DueReason.YEAR_UNKNOWN, {"year": year})


def replannings(plans: Sequence[PlanMade]) -> Iterator[Sentence]:
    """Say which versions and escalations the deadline was planned by after the first; `plans` oldest first."""
    for before, plan in itertools.pairwise(plans):
        if plan.why == "escalated":
            yield Sentence(DueReason.ESCALATED, {"at": plan.at})
        elif plan.version != before.version:
            yield Sentence(DueReason.REPLANNED, {"at": plan.at, "version": plan.version, "before": before.due_at})


def _end(policies: Policies, terms: Terms, plan: ClockPlan) -> Iterator[Sentence]:
    if policies.policy_for(terms).at_end is AtEnd.LEAVE_OPEN or plan.end_at is None:
        yield Sentence(DueReason.LEFT_OPEN)
    else:
        yield Sentence(DueReason.END, {"end": plan.end_at})
