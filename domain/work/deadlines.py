"""By when a person must have decided: policies as data, working time, and clocks that pause while others have the card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import BASIS_POINTS_PER_ONE
from domain.people.roles import Role
from domain.work.kinds import REVIEW
from domain.work.task import Priority
from domain.work.working_time import NOTHING, WorkingCalendar

LEAST_S = 600  # However little is left of a card's budget, a later task of it has ten working minutes ...
# ... or what its policy leaves between warning and breach, where that is more; never more than the budget itself.


class ClockOwner(StrEnum):
    """Whose time it is."""

    REVIEWER = "reviewer"  # A reviewer is to decide.
    CHECKER = "checker"  # The second reviewer must check.
    SENIOR = "senior"  # It was escalated.
    SUPPORT = "support"  # An agent is to answer the customer.
    SUPPORT_LEAD = "support_lead"  # It was escalated to the leads of support.
    OPS = "ops"  # Operations was asked.
    FINANCE = "finance"  # Finance was asked.
    COMPLIANCE = "compliance"  # Compliance was asked.
    SELLER = "seller"  # The seller was asked for an item.
    CUSTOMER = "customer"  # The customer of a ticket was asked.
    OUTLET = "outlet"  # A store or outlet was asked to check.
    MACHINE = "machine"  # The platform verifies and prices again.


RUNNING = frozenset(ClockOwner) - {ClockOwner.SELLER, ClockOwner.CUSTOMER, ClockOwner.OUTLET, ClockOwner.MACHINE}


class Counts(StrEnum):
    """What minutes are counted."""

    WORKING = "working"  # Those of the policy's calendar.
    PLAIN = "plain"  # All of them.


class AtEnd(StrEnum):
    """What happens to a task that is still undecided after the whole chain was notified."""

    LEAVE_OPEN = "leave_open"  # It waits on, first in the queue.
    REJECT = "reject"  # The policy rejects the card; the seller learns that it could not be decided in time.


@dataclass(frozen=True)
class Delay:
    """A span after the step before it."""

    minutes: int
    counts: Counts = Counts.WORKING

    def after(self, calendar: WorkingCalendar, moment: datetime) -> datetime:
        """Return the moment at which the span is over."""
        if self.counts is Counts.PLAIN:
            return moment + timedelta(minutes=self.minutes)
        return calendar.after(moment, self.minutes * 60)


@dataclass(frozen=True)
class ChainStep:
    """Who is notified too when an overdue task is still undecided: everyone with a role, or one person."""

    delay: Delay
    role: Role | None = None
    person: str = ""  # person.id where there is no role.

    @property
    def tells(self) -> str:
        """The role, or `person:<id>`."""
        return self.role.value if self.role is not None else f"person:{self.person}"


@dataclass(frozen=True)
class Terms:
    """What a task is judged by when its policy is chosen."""

    card_type: str | None
    value_minor: int  # CNY minor units.
    priority: Priority
    reasons: frozenset[str]
    team: str
    kind: str = REVIEW


@dataclass(frozen=True)
class Policy:
    """How long tasks of one kind may take. An empty set matches everything; the value range includes its lower end."""

    code: str
    budget_s: int  # Working seconds from opening to breach, over all tasks of a card.
    warn_share_bp: int
    kind: str = REVIEW  # The kind of work, a code of `domain.work.kinds`.
    card_types: frozenset[StrEnum] = frozenset()  # Members of what the kind declares, as `reasons`.
    value_from: int = 0
    value_below: int | None = None
    priorities: frozenset[Priority] = frozenset()
    reasons: frozenset[StrEnum] = frozenset()
    calendar: str | None = None  # None: the team's.
    chain: tuple[ChainStep, ...] = ()
    at_end: AtEnd = AtEnd.LEAVE_OPEN
    end_delay: Delay = Delay(0)  # After the last step of the chain, or the breach.
    # Working seconds to the first public reply, and to each next one; None: no such promise.
    first_response_s: int | None = None
    next_response_s: int | None = None

    def matches(self, terms: Terms) -> bool:
        """Return whether tasks of these terms fall under this policy."""
        return (
            terms.kind == self.kind
            and (not self.card_types or terms.card_type in self.card_types)
            and self.value_from <= terms.value_minor
            and (self.value_below is None or terms.value_minor < self.value_below)
            and (not self.priorities or terms.priority in self.priorities)
            and (not self.reasons or not self.reasons.isdisjoint(terms.reasons))
        )

    @property
    def floor_s(self) -> int:
        """What a later task of the same card has at least, in working seconds."""
        spared = self.budget_s - self.budget_s * self.warn_share_bp // BASIS_POINTS_PER_ONE
        return min(self.budget_s, max(LEAST_S, spared))


@dataclass(frozen=True)
class Policies:
    """One version of all policies and calendars; the first policy that matches counts, and the last of each kind matches all of it."""

    version: int
    calendars: Mapping[str, WorkingCalendar]
    teams: Mapping[str, str]  # Team → calendar.
    otherwise: str  # The calendar of teams that are not named.
    policies: tuple[Policy, ...]

    def policy_for(self, terms: Terms) -> Policy:
        """Choose the policy of items of these terms; a kind without a policy of its own goes by that of a review with these terms."""
        own = any(policy.kind == terms.kind for policy in self.policies)
        wanted = terms if own else replace(terms, kind=REVIEW)
        return next(policy for policy in self.policies if policy.matches(wanted))

    def completed(self, built_in: Policies) -> Policies:
        """Add the built-in policies, with their calendars, of kinds that this version, saved before there were any, has none of."""
        known = {policy.kind for policy in self.policies}
        added = tuple(policy for policy in built_in.policies if policy.kind not in known)
        if not added:
            return self
        return replace(self, calendars={**built_in.calendars, **self.calendars}, policies=(*self.policies, *added))

    def calendar_for(self, policy: Policy, team: str) -> WorkingCalendar:
        """Return the policy's own calendar, else the team's."""
        return self.calendars[policy.calendar] if policy.calendar else self.calendar_of(team)

    def calendar_of(self, team: str) -> WorkingCalendar:
        """When a team works."""
        return self.calendars[self.teams.get(team, self.otherwise)]


@dataclass(frozen=True)
class Stretch:
    """Time of one card with one owner; `ends` is None while it lasts."""

    task_id: str
    owner: ClockOwner
    starts: datetime
    ends: datetime | None
    person: str | None = None

    @property
    def runs(self) -> bool:
        """Whether our people had the card, so that working time was used up."""
        return self.owner in RUNNING


@dataclass(frozen=True)
class ClockPlan:
    """When a task is due soon, due and reported to each level, and how that was calculated. Working seconds."""

    version: int
    policy: str
    calendar: str
    budget_s: int
    carried_s: int  # Used up by earlier tasks of the same card.
    allowed_s: int  # What this task has: the rest of the budget, or the floor.
    warn_at: datetime
    due_at: datetime
    chain: tuple[datetime, ...]  # One moment for each step.
    end_at: datetime | None  # When the policy decides; None: never.


def clock_plan(policies: Policies, terms: Terms, task_id: str, card: Sequence[Stretch], now: datetime) -> ClockPlan:
    """Plan the clock of a task from the stretches of its card, the task's own among them.

    Pure, and the same at any `now` while the clock runs: only for a paused clock it is calculated as if it resumed now.
    """
    policy = policies.policy_for(terms)
    calendar = policies.calendar_for(policy, terms.team)
    own = [stretch for stretch in card if stretch.task_id == task_id]
    carried = used(calendar, [stretch for stretch in card if stretch.task_id != task_id], now)
    carried_s = carried // timedelta(seconds=1)
    allowed_s = max(policy.budget_s - carried_s, policy.floor_s)
    due = reached(calendar, own, timedelta(seconds=allowed_s), now)
    warned = reached(calendar, own, timedelta(seconds=allowed_s * policy.warn_share_bp // BASIS_POINTS_PER_ONE), now)
    chain = chain_moments(policy, calendar, due)
    last = chain[-1] if chain else due
    ends = policy.end_delay.after(calendar, last) if policy.at_end is AtEnd.REJECT else None
    return ClockPlan(
        policies.version, policy.code, calendar.code, policy.budget_s, carried_s, allowed_s, warned, due, chain, ends
    )


def used(calendar: WorkingCalendar, stretches: Iterable[Stretch], until: datetime) -> timedelta:
    """Sum the working time that our people have had."""
    ours = (stretch for stretch in stretches if stretch.runs)
    return sum((calendar.worked(one.starts, one.ends or until) for one in ours), NOTHING)


def reached(calendar: WorkingCalendar, stretches: Iterable[Stretch], span: timedelta, now: datetime) -> datetime:
    """Return the time at which so much working time is used up; for a paused clock, as if it resumed now."""
    for stretch in sorted((one for one in stretches if one.runs), key=lambda one: one.starts):
        worked = span if stretch.ends is None else calendar.worked(stretch.starts, stretch.ends)
        if worked >= span:
            return calendar.after(stretch.starts, span.total_seconds())
        span -= worked
    return calendar.after(now, span.total_seconds())


def chain_moments(policy: Policy, calendar: WorkingCalendar, due: datetime) -> tuple[datetime, ...]:
    """Return when each level of the chain is notified, each counted from the one before, the first from the breach."""
    moments: list[datetime] = []
    for step in policy.chain:
        moments.append(step.delay.after(calendar, moments[-1] if moments else due))
    return tuple(moments)


def shares(calendar: WorkingCalendar, stretches: Iterable[Stretch], now: datetime) -> dict[ClockOwner, timedelta]:
    """Divide the time: working time of our people, plain time of everyone else."""
    spent: dict[ClockOwner, timedelta] = {}
    for one in stretches:
        until = one.ends or max(now, one.starts)
        took = calendar.worked(one.starts, until) if one.runs else until - one.starts
        spent[one.owner] = spent.get(one.owner, NOTHING) + took
    return spent
