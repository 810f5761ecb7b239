"""The promises to a customer, each on a clock of its own: it runs while the ticket is ours and pauses while waiting for the customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.money import BASIS_POINTS_PER_ONE
from domain.support.tickets import UNDER_WAY, ClockKind, TicketState
from domain.work.deadlines import ClockOwner, Counts, Policy, Stretch, reached, used
from domain.work.working_time import NOTHING, WorkingCalendar, round_the_clock

_ALL_THE_TIME = round_the_clock()


@dataclass(frozen=True)
class PromiseFacts:
    """What decides which promises are open: the state, and what was said so far."""

    state: TicketState
    opened_at: datetime
    first_replied_at: datetime | None
    unanswered_since: datetime | None  # Since when the customer waits for the next reply.


@dataclass(frozen=True)
class Run:
    """One run of a promise: since when it counts, and how many working seconds it has."""

    kind: ClockKind
    started_at: datetime
    allowed_s: int


@dataclass(frozen=True)
class Moments:
    """When a run is warned of, due, and reported to each level of its policy's chain. Of a paused run, as if it resumed at once."""

    warn_at: datetime
    due_at: datetime
    chain: tuple[datetime, ...]


def open_promises(ticket: PromiseFacts, now: datetime, *, reopened: bool) -> dict[ClockKind, datetime]:
    """Return which promises are open, and since when one counts that has no run yet.

    `reopened`: a resolution was kept or ended before, so that the next one counts from `now`.
    """
    if ticket.state not in UNDER_WAY:
        return {}
    found = {ClockKind.RESOLUTION: now if reopened else ticket.opened_at}
    if ticket.first_replied_at is None:
        found[ClockKind.FIRST_RESPONSE] = ticket.opened_at
    elif ticket.unanswered_since is not None:
        found[ClockKind.NEXT_RESPONSE] = ticket.unanswered_since
    return found


def allowed_s(policy: Policy, kind: ClockKind, earlier: timedelta) -> int | None:
    """Return the working seconds of a run; None where the policy makes no such promise.

    `earlier` is the working time that earlier resolutions of the ticket used up: a reopened one continues with what is left,
    and with the policy's floor at least.
    """
    if kind is ClockKind.FIRST_RESPONSE:
        return policy.first_response_s
    if kind is ClockKind.NEXT_RESPONSE:
        return policy.next_response_s
    return max(policy.budget_s - earlier // timedelta(seconds=1), policy.floor_s)


def used_before(calendar: WorkingCalendar, stretches: Iterable[Stretch], moment: datetime) -> timedelta:
    """Return the working time that our people had the ticket before a moment."""
    until = (replace(one, ends=min(one.ends or moment, moment)) for one in stretches if one.starts < moment)
    return used(calendar, until, moment)


def moments(policy: Policy, calendar: WorkingCalendar, run: Run, stretches: Sequence[Stretch]) -> Moments:
    """Return the moments of a run. Pure: they follow from the stretches alone, whenever they are asked for."""
    resumes = max(_resumes(stretches), run.started_at)
    own = _since(stretches, run.started_at)
    warned = timedelta(seconds=run.allowed_s * policy.warn_share_bp // BASIS_POINTS_PER_ONE)
    due = reached(calendar, own, timedelta(seconds=run.allowed_s), resumes)
    chain: list[datetime] = []
    for step in policy.chain:
        before = chain[-1] if chain else due
        counted = calendar if step.delay.counts is Counts.WORKING else _ALL_THE_TIME
        span = timedelta(minutes=step.delay.minutes)
        chain.append(max(before, reached(counted, _since(stretches, before), span, max(before, resumes))))
    return Moments(reached(calendar, own, warned, resumes), due, tuple(chain))


def overdue(calendar: WorkingCalendar, run: Run, stretches: Sequence[Stretch], now: datetime) -> timedelta:
    """Return the working time beyond what was allowed; it does not grow while the clock is paused."""
    spent = used_before(calendar, _since(stretches, run.started_at), now)
    return max(NOTHING, spent - timedelta(seconds=run.allowed_s))


def paused_since(stretches: Iterable[Stretch]) -> datetime | None:
    """Return since when the clocks are paused; None while they run, and once the ticket has no owner."""
    return next((one.starts for one in stretches if one.ends is None and not one.runs), None)


def owner_at(stretches: Iterable[Stretch], moment: datetime) -> ClockOwner | None:
    """Return who had the ticket just before a moment, so that the right desk is named for it; None before its first stretch."""
    before = [one for one in stretches if one.starts < moment or (one.starts == moment and one.ends != moment)]
    if not before:
        return None
    earlier = [one for one in before if one.starts < moment and one.ends != one.starts]
    return max(earlier or before, key=lambda one: one.starts).owner


def _since(stretches: Iterable[Stretch], moment: datetime) -> list[Stretch]:
    """The stretches after a moment; the one that it falls into begins there."""
    after = (one for one in stretches if one.ends is None or one.ends > moment)
    return [replace(one, starts=max(one.starts, moment)) for one in after]


def _resumes(stretches: Sequence[Stretch]) -> datetime:
    """The moment from which a clock that does not run is counted on: the pause, or the end of the last stretch."""
    return max(one.starts if one.ends is None else one.ends for one in stretches)
