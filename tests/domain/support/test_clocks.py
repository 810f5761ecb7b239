"""The promises to a customer: they run while the ticket is ours, stand while the customer is asked, and never breach at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.people.roles import Role
from domain.rules.deadlines import built_in
from domain.support.clocks import (
    PromiseFacts,
    Run,
    allowed_s,
    moments,
    open_promises,
    overdue,
    owner_at,
    paused_since,
    used_before,
)
from domain.support.tickets import UNDER_WAY, ClockKind, TicketState
from domain.work.deadlines import ChainStep, ClockOwner, Counts, Delay, Policy, Stretch, used
from domain.work.working_time import Holidays, Shift, WorkingCalendar, round_the_clock

OFFICE = WorkingCalendar(
    "office", "Asia/Shanghai", ((Shift(9 * 60, 12 * 60), Shift(13 * 60, 18 * 60)),) * 5 + ((), ()), Holidays.CHINA
)  # fmt: skip
CHAIN = (ChainStep(Delay(60), Role.SUPPORT_LEAD), ChainStep(Delay(120, Counts.PLAIN), Role.OPS))
POLICY = Policy("ticket", 8 * 3600, 7500, "ticket", chain=CHAIN, first_response_s=7200, next_response_s=3600)
OURS = (ClockOwner.SUPPORT, ClockOwner.SUPPORT_LEAD, ClockOwner.REVIEWER, ClockOwner.OPS, ClockOwner.FINANCE, ClockOwner.COMPLIANCE)  # fmt: skip


def at(text: str) -> datetime:
    """A moment on a wall in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def stretch(owner: ClockOwner, starts: datetime, ends: datetime | None = None) -> Stretch:
    return Stretch("ticket:T:ticket:1", owner, starts, ends)


def test_clock_pauses_for_the_customer_and_runs_for_another_desk() -> None:
    had = [
        stretch(ClockOwner.SUPPORT, at("2026-11-23 09:00"), at("2026-11-23 10:00")),
        stretch(ClockOwner.CUSTOMER, at("2026-11-23 10:00"), at("2026-11-24 09:00")),
        stretch(ClockOwner.FINANCE, at("2026-11-24 09:00")),
    ]
    run = Run(ClockKind.RESOLUTION, at("2026-11-23 09:00"), 3 * 3600)
    found = moments(POLICY, OFFICE, run, had)
    assert found.due_at == at("2026-11-24 11:00")
    assert found.chain == (at("2026-11-24 12:00"), at("2026-11-24 14:00"))


def test_overdue_is_frozen_while_paused() -> None:
    paused = at("2026-11-23 15:00")
    had = [stretch(ClockOwner.SUPPORT, at("2026-11-23 09:00"), paused), stretch(ClockOwner.CUSTOMER, paused)]
    run = Run(ClockKind.FIRST_RESPONSE, at("2026-11-23 09:00"), 7200)
    late = [overdue(OFFICE, run, had, paused + timedelta(days=days)) for days in (0, 1, 30)]
    assert late == [timedelta(hours=3)] * 3
    assert moments(POLICY, OFFICE, run, had).due_at == at("2026-11-23 11:00")
    assert paused_since(had) == paused


def test_a_chain_of_a_late_ticket_waits_for_the_customer_too() -> None:
    paused, resumed = at("2026-11-23 11:30"), at("2026-11-25 09:00")
    had = [
        stretch(ClockOwner.SUPPORT, at("2026-11-23 09:00"), paused),
        stretch(ClockOwner.CUSTOMER, paused, resumed),
        stretch(ClockOwner.SUPPORT, resumed),
    ]
    found = moments(POLICY, OFFICE, Run(ClockKind.FIRST_RESPONSE, at("2026-11-23 09:00"), 7200), had)
    assert (found.due_at, found.chain[0]) == (at("2026-11-23 11:00"), at("2026-11-25 09:30"))


def test_the_desk_that_had_the_ticket_at_the_moment_is_named() -> None:
    asked = at("2026-11-23 10:00")
    had = [stretch(ClockOwner.SUPPORT, at("2026-11-23 09:00"), asked), stretch(ClockOwner.FINANCE, asked)]
    assert owner_at(had, at("2026-11-23 09:00")) is ClockOwner.SUPPORT
    assert owner_at(had, asked) is ClockOwner.SUPPORT, "what falls due as it is handed on was theirs"
    assert owner_at(had, at("2026-11-23 10:01")) is ClockOwner.FINANCE
    assert owner_at(had, at("2026-11-23 08:00")) is None


@pytest.mark.parametrize(
    ("state", "replied", "unanswered", "kinds"),
    [
        (TicketState.NEW, False, True, {ClockKind.RESOLUTION, ClockKind.FIRST_RESPONSE}),
        (TicketState.WAITING_INSIDE, False, True, {ClockKind.RESOLUTION, ClockKind.FIRST_RESPONSE}),
        (TicketState.OPEN, True, True, {ClockKind.RESOLUTION, ClockKind.NEXT_RESPONSE}),
        (TicketState.OPEN, True, False, {ClockKind.RESOLUTION}),
        (TicketState.WAITING_CUSTOMER, True, False, {ClockKind.RESOLUTION}),
        (TicketState.SOLVED, True, False, set()),
        (TicketState.CLOSED, False, True, set()),
    ],
    ids=["new", "asked_inside", "unanswered", "answered", "paused", "solved", "closed"],
)
def test_which_promises_are_open(state: TicketState, replied: bool, unanswered: bool, kinds: set[ClockKind]) -> None:
    opened = at("2026-11-23 09:00")
    some = PromiseFacts(state, opened, opened if replied else None, opened if unanswered else None)
    assert set(open_promises(some, opened, reopened=False)) == kinds


def test_every_built_in_policy_of_tickets_promises_an_answer_sooner_than_a_solution() -> None:
    own = [policy for policy in built_in().policies if policy.kind == "ticket"]
    assert [policy.code for policy in own] == ["ticket-privacy", "ticket-money", "ticket"]
    for policy in own:
        assert policy.first_response_s is not None
        assert policy.next_response_s is not None
        assert max(policy.first_response_s, policy.next_response_s) < policy.budget_s


CALENDARS = st.sampled_from([
    OFFICE, round_the_clock(), WorkingCalendar("berlin", "Europe/Berlin", ((Shift(0, 150), Shift(150, 1440)),) * 7),
])  # fmt: skip
STARTS = st.timedeltas(timedelta(0), timedelta(days=41)).map(lambda by: datetime(2026, 9, 25, tzinfo=UTC) + by)
GAPS = st.lists(st.tuples(st.integers(1, 3000), st.sampled_from((*OURS, ClockOwner.CUSTOMER))), min_size=1, max_size=8)
LAST = st.sampled_from((*OURS, ClockOwner.CUSTOMER))


def history(start: datetime, gaps: list[tuple[int, ClockOwner]], last: ClockOwner) -> list[Stretch]:
    """Stretches one after the other, the last of them open."""
    had, moment = [], start
    for minutes, owner in gaps:
        had.append(stretch(owner, moment, moment + timedelta(minutes=minutes)))
        moment += timedelta(minutes=minutes)
    return [*had, stretch(last, moment)]


@settings(max_examples=150)
@given(CALENDARS, STARTS, GAPS, LAST, st.integers(60, 20 * 3600), st.integers(0, 4000))
def test_a_run_is_due_when_exactly_its_time_is_used_up(
    calendar: WorkingCalendar, start: datetime, gaps: list[tuple[int, ClockOwner]], last: ClockOwner, span: int, after: int
) -> None:  # fmt: skip
    had = history(start, gaps, last)
    began = min(start + timedelta(minutes=after), had[-1].starts)
    run = Run(ClockKind.NEXT_RESPONSE, began, span)
    found = moments(POLICY, calendar, run, had)
    assert found.warn_at <= found.due_at <= found.chain[0] <= found.chain[1]
    as_resumed = had if had[-1].runs else [*had[:-1], stretch(ClockOwner.SUPPORT, had[-1].starts)]
    until = used_before(calendar, as_resumed, found.due_at) - used_before(calendar, as_resumed, began)
    assert until == timedelta(seconds=span)
    if had[-1].runs:
        assert overdue(calendar, run, had, found.due_at) == timedelta(0)
        assert overdue(calendar, run, had, found.due_at + timedelta(days=30)) > timedelta(0)


@settings(max_examples=100)
@given(CALENDARS, STARTS, GAPS, st.integers(1, 100_000), st.integers(1, 100_000))
def test_nothing_grows_later_or_later_late_while_the_customer_is_asked(
    calendar: WorkingCalendar, start: datetime, gaps: list[tuple[int, ClockOwner]], one: int, other: int
) -> None:
    had = history(start, gaps, ClockOwner.CUSTOMER)
    run = Run(ClockKind.RESOLUTION, start, 3600)
    looks = [overdue(calendar, run, had, had[-1].starts + timedelta(seconds=seconds)) for seconds in (0, one, other)]
    assert len(set(looks)) == 1


@settings(max_examples=150)
@given(CALENDARS, STARTS, GAPS, st.integers(600, 90 * 3600), st.integers(0, 60), st.integers(1, 10_000))
def test_reopened_ticket_keeps_its_remaining_time_and_is_not_overdue_at_once(
    calendar: WorkingCalendar, start: datetime, gaps: list[tuple[int, ClockOwner]], budget: int, days: int, share: int
) -> None:
    policy = Policy("ticket", budget, share, "ticket", chain=CHAIN)
    first = history(start, gaps, ClockOwner.SUPPORT)[:-1]
    reopened = first[-1].ends
    assert reopened is not None
    reopened += timedelta(days=days)
    had = [*first, stretch(ClockOwner.SUPPORT, reopened)]
    earlier = used_before(calendar, had, reopened)
    assert earlier == used(calendar, first, reopened)
    allowed = allowed_s(policy, ClockKind.RESOLUTION, earlier)
    assert allowed is not None
    assert policy.floor_s <= allowed <= budget
    found = moments(policy, calendar, Run(ClockKind.RESOLUTION, reopened, allowed), had)
    assert calendar.worked(reopened, found.due_at) >= timedelta(seconds=policy.floor_s)


@given(st.sampled_from(sorted(UNDER_WAY)), st.booleans(), st.booleans())
def test_a_ticket_under_way_has_one_resolution_and_at_most_one_open_answer(
    state: TicketState, replied: bool, unanswered: bool
) -> None:
    opened, later = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    some = PromiseFacts(state, opened, later if replied else None, later if unanswered else None)
    found = open_promises(some, later, reopened=True)
    assert found[ClockKind.RESOLUTION] == later
    assert len(found) <= 2
