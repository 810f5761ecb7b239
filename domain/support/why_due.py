"""Why a ticket is due when it is: each promise with its clock, who had the ticket, and for how long, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.support.clocks import Moments, Run, overdue, owner_at, paused_since, used_before
from domain.support.tickets import ClockKind
from domain.work.deadlines import ClockOwner, Policy, Stretch
from domain.work.why_due import DueReason, PlanMade, Sentence, about_calendar, replannings, skipped, unknown_years
from domain.work.working_time import NOTHING, WorkingCalendar


@dataclass(frozen=True)
class Ended:
    """A run that is over: kept at `met_at`, or ended without (`void_at`)."""

    kind: ClockKind
    due_at: datetime
    met_at: datetime | None
    void_at: datetime | None


@dataclass(frozen=True)
class TicketClocks:
    """Everything that a ticket's deadlines follow from. `names` are people's by id, `plans` oldest first."""

    policy: Policy
    version: int
    calendar: WorkingCalendar
    runs: Mapping[ClockKind, tuple[Run, Moments]]
    ended: Sequence[Ended]
    had: Sequence[Stretch]
    plans: Sequence[PlanMade]
    unverified: bool = False  # The source of its policy's time was not confirmed.
    names: Mapping[str, str] = field(default_factory=dict)


def explain_ticket(clocks: TicketClocks, now: datetime) -> tuple[Sentence, ...]:
    """Return all that the deadlines follow from, in the order in which one would tell it."""
    opened = min((one.starts for one in clocks.had), default=now)
    last = max((moment for _, made in clocks.runs.values() for moment in (made.due_at, *made.chain)), default=opened)
    return (
        *(one for kind in ClockKind if kind in clocks.runs for one in _promise(clocks, kind, now)),
        *([Sentence(DueReason.UNVERIFIED)] if clocks.unverified else ()),
        *about_calendar(clocks.calendar),
        *_paused(clocks.had),
        *skipped(clocks.calendar, opened, max((made.due_at for _, made in clocks.runs.values()), default=opened)),
        *unknown_years(clocks.calendar, opened, last),
        *replannings(clocks.plans),
        *(one for ended in clocks.ended for one in _ended(clocks, ended)),
        *_spent(clocks, now),
    )


def _promise(clocks: TicketClocks, kind: ClockKind, now: datetime) -> Iterator[Sentence]:
    run, made = clocks.runs[kind]
    allowed = timedelta(seconds=run.allowed_s)
    yield Sentence(
        DueReason.PROMISE,
        {"promise": kind, "started": run.started_at, "policy": clocks.policy.code, "version": clocks.version, "allowed": allowed},
    )  # fmt: skip
    carried = used_before(clocks.calendar, clocks.had, run.started_at)
    if kind is ClockKind.RESOLUTION and carried:
        yield Sentence(DueReason.PROMISE_LEFT, {"promise": kind, "carried": carried, "allowed": allowed})
    late, stands = overdue(clocks.calendar, run, clocks.had, now), paused_since(clocks.had) is not None
    if stands and late:
        yield Sentence(DueReason.PROMISE_FROZEN, {"promise": kind, "late": late})
    elif stands:
        own = used_before(clocks.calendar, clocks.had, now) - used_before(clocks.calendar, clocks.had, run.started_at)
        yield Sentence(DueReason.PROMISE_STANDS, {"promise": kind, "left": allowed - own})
    elif late:
        desk = owner_at(clocks.had, made.due_at) or ClockOwner.SUPPORT
        yield Sentence(DueReason.PROMISE_LATE, {"promise": kind, "due": made.due_at, "late": late, "owner": desk})
    else:
        yield Sentence(DueReason.PROMISE_DUE, {"promise": kind, "warn": made.warn_at, "due": made.due_at})


def _paused(had: Sequence[Stretch]) -> Iterator[Sentence]:
    for one in had:
        if one.runs or one.starts == one.ends:
            continue
        if one.ends is None:
            yield Sentence(DueReason.CUSTOMER_HAS, {"since": one.starts})
        else:
            yield Sentence(DueReason.CUSTOMER_HAD, {"since": one.starts, "until": one.ends})


def _ended(clocks: TicketClocks, one: Ended) -> Iterator[Sentence]:
    if one.void_at is not None:
        yield Sentence(DueReason.PROMISE_VOID, {"promise": one.kind, "at": one.void_at})
    elif one.met_at is not None and one.met_at > one.due_at:
        desk = owner_at(clocks.had, one.due_at) or ClockOwner.SUPPORT
        yield Sentence(
            DueReason.PROMISE_BROKEN,
            {"promise": one.kind, "kept": one.met_at, "due": one.due_at, "owner": desk},
        )
    elif one.met_at is not None:
        yield Sentence(DueReason.PROMISE_KEPT, {"promise": one.kind, "kept": one.met_at})


def _spent(clocks: TicketClocks, now: datetime) -> Iterator[Sentence]:
    """Who had the ticket how long: working time of our people, person by person, plain time of the customer."""
    spent: dict[tuple[ClockOwner, str], timedelta] = {}
    for one in clocks.had:
        until = one.ends or max(now, one.starts)
        took = clocks.calendar.worked(one.starts, until) if one.runs else until - one.starts
        whose = (one.owner, one.person or "")
        spent[whose] = spent.get(whose, NOTHING) + took
    for (owner, person), took in spent.items():
        if took and person:
            name = clocks.names.get(person, "–")
            yield Sentence(DueReason.SPENT_BY, {"owner": owner, "person": name, "spent": took})
        elif took:
            yield Sentence(DueReason.SPENT, {"owner": owner, "spent": took})
