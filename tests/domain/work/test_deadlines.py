"""A task's deadline follows from its policy, its calendar and who had the card when; a document's flaws are named by path."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.cards.card import CardType
from domain.people.roles import Role
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules.deadlines import built_in, built_in_document
from domain.work.deadline_document import parse
from domain.work.deadlines import (
    AtEnd,
    ChainStep,
    ClockOwner,
    Counts,
    Delay,
    Policies,
    Policy,
    Stretch,
    Terms,
    clock_plan,
    shares,
)
from domain.work.task import Priority
from domain.work.why_due import DueReason, explain
from domain.work.working_time import Holidays, Shift, WorkingCalendar, round_the_clock

OFFICE = WorkingCalendar(
    "office", "Asia/Shanghai", ((Shift(9 * 60, 12 * 60), Shift(13 * 60, 18 * 60)),) * 5 + ((), ()), Holidays.CHINA
)  # fmt: skip
TERMS = Terms(CardType.DINING, 500_00, Priority.NORMAL, frozenset({"card_type"}), "cards")


def at(text: str) -> datetime:
    """A moment on a wall in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def policies(calendar: WorkingCalendar = OFFICE, **more: Any) -> Policies:
    given: dict[str, Any] = {"code": "all", "budget_s": 4 * 3600, "warn_share_bp": 7500} | more
    return Policies(3, {calendar.code: calendar}, {}, calendar.code, (Policy(**given),))


def stretch(owner: ClockOwner, starts: datetime, ends: datetime | None = None, task: str = "t1") -> Stretch:
    return Stretch(task, owner, starts, ends)


def test_the_reason_names_a_year_without_announced_holidays_that_only_a_later_step_runs_into() -> None:
    opened = at("2098-12-31 10:00")
    steps = (ChainStep(Delay(24 * 60), Role.SENIOR),)
    given, stretches = policies(chain=steps), [stretch(ClockOwner.REVIEWER, at("2098-12-31 10:00"))]
    plan = clock_plan(given, TERMS, "t1", stretches, opened)
    assert plan.due_at.year == 2098
    told = explain(given, TERMS, plan, "t1", stretches, (), opened)
    years = [one.values["year"] for one in told if one.reason is DueReason.YEAR_UNKNOWN]
    assert years == [2098, 2099]


ALWAYS_DUE_S = {
    CardType.SUPERMARKET: 3600, CardType.ECOMMERCE: 1800, CardType.DINING: 14400, CardType.REGIONAL: 28800,
    CardType.CROSSBORDER: 7200,
}  # fmt: skip


def test_every_card_type_has_the_time_it_always_had() -> None:
    opened = datetime(2026, 11, 23, 3, 4, 5, 678, UTC)
    for card_type in CardType:
        terms = Terms(card_type, 0, Priority.NORMAL, frozenset(), "cards")
        plan = clock_plan(built_in(), terms, "t1", [stretch(ClockOwner.REVIEWER, opened)], opened)
        due = timedelta(seconds=ALWAYS_DUE_S[card_type])
        assert (plan.due_at - opened, plan.warn_at - opened) == (due, due * 3 / 4)


def test_the_first_policy_that_matches_counts() -> None:
    dear = Policy("dear", 600, 5000, value_from=10_000_00, reasons=frozenset())
    urgent = Policy("urgent", 300, 5000, priorities=frozenset({Priority.URGENT}))
    rest = Policy("rest", 3600, 5000)
    some = Policies(1, {"office": OFFICE}, {}, "office", (dear, urgent, rest))
    chosen = [
        some.policy_for(Terms(CardType.DINING, value, priority, frozenset(), "cards")).code
        for value, priority in ((10_000_00, Priority.URGENT), (9_999_99, Priority.URGENT), (9_999_99, Priority.HIGH))
    ]
    assert chosen == ["dear", "urgent", "rest"]


def test_a_team_has_its_calendar_unless_the_policy_names_one() -> None:
    always = round_the_clock()
    some = Policies(1, {"office": OFFICE, "always": always}, {"cards": "office"}, "always", (Policy("p", 60, 1),))
    assert some.calendar_for(Policy("p", 60, 1), "cards") is OFFICE
    assert some.calendar_for(Policy("p", 60, 1), "others") is always
    assert some.calendar_for(Policy("p", 60, 1, calendar="always"), "cards") is always


def test_a_task_that_opens_before_the_evening_is_due_the_next_working_day() -> None:
    opened = at("2026-09-30 16:00")
    plan = clock_plan(policies(), TERMS, "t1", [stretch(ClockOwner.REVIEWER, opened)], opened)
    assert plan.due_at == at("2026-10-08 11:00"), "two hours before the holidays and two after them"
    assert plan.warn_at == at("2026-10-08 10:00")


def test_clock_pauses_for_the_seller_and_resumes_with_the_remaining_time() -> None:
    card = [
        stretch(ClockOwner.REVIEWER, at("2026-11-23 09:00"), at("2026-11-23 11:00")),
        stretch(ClockOwner.SELLER, at("2026-11-23 11:00"), at("2026-11-24 15:00")),
        stretch(ClockOwner.REVIEWER, at("2026-11-24 15:00"), task="t2"),
    ]
    plan = clock_plan(policies(), TERMS, "t2", card, at("2026-11-24 15:00"))
    assert (plan.carried_s, plan.allowed_s) == (2 * 3600, 2 * 3600)
    assert plan.due_at == at("2026-11-24 17:00")


def test_a_budget_that_is_used_up_leaves_the_floor() -> None:
    card = [
        stretch(ClockOwner.REVIEWER, at("2026-11-23 09:00"), at("2026-11-23 17:00")),
        stretch(ClockOwner.REVIEWER, at("2026-11-24 09:00"), task="t2"),
    ]
    assert clock_plan(policies(), TERMS, "t2", card, at("2026-11-24 09:00")).due_at == at("2026-11-24 10:00")
    short = clock_plan(policies(budget_s=1200), TERMS, "t2", card, at("2026-11-24 09:00"))
    assert short.due_at == at("2026-11-24 09:10"), "ten minutes are more than a quarter of twenty"
    shortest = clock_plan(policies(budget_s=300), TERMS, "t2", card, at("2026-11-24 09:00"))
    assert shortest.due_at == at("2026-11-24 09:05"), "never more than the whole budget"


def test_clock_keeps_running_between_colleagues() -> None:
    opened, staged = at("2026-11-23 09:00"), at("2026-11-23 10:00")
    card = [stretch(ClockOwner.REVIEWER, opened, staged), stretch(ClockOwner.CHECKER, staged)]
    assert clock_plan(policies(), TERMS, "t1", card, staged).due_at == at("2026-11-23 14:00")


def test_the_chain_counts_from_the_breach_step_by_step() -> None:
    chain = (ChainStep(Delay(60), Role.SENIOR), ChainStep(Delay(600, Counts.PLAIN), person="P"))
    some = policies(chain=chain, at_end=AtEnd.REJECT, end_delay=Delay(30))
    opened = at("2026-11-23 13:30")
    plan = clock_plan(some, TERMS, "t1", [stretch(ClockOwner.REVIEWER, opened)], opened)
    assert plan.due_at == at("2026-11-23 17:30")
    assert plan.chain == (at("2026-11-24 09:30"), at("2026-11-24 19:30"))
    assert plan.end_at == at("2026-11-25 09:30")
    assert [step.tells for step in chain] == ["senior", "person:P"]


def test_who_spent_how_much_is_working_time_for_us_and_plain_time_for_others() -> None:
    card = [
        stretch(ClockOwner.REVIEWER, at("2026-11-23 11:30"), at("2026-11-23 13:30")),
        stretch(ClockOwner.SELLER, at("2026-11-23 13:30"), at("2026-11-24 13:30")),
        stretch(ClockOwner.REVIEWER, at("2026-11-24 13:30")),
    ]
    spent = shares(OFFICE, card, at("2026-11-24 14:00"))
    assert spent == {ClockOwner.REVIEWER: timedelta(hours=1.5), ClockOwner.SELLER: timedelta(hours=24)}


GAPS = st.lists(st.tuples(st.integers(1, 3000), st.sampled_from(ClockOwner)), min_size=1, max_size=8)
CALENDARS = st.sampled_from([
    OFFICE, round_the_clock(),
    WorkingCalendar("berlin", "Europe/Berlin", ((Shift(0, 150), Shift(150, 1440)),) * 7),
    WorkingCalendar("york", "America/New_York", ((Shift(60, 200), Shift(600, 1000)),) * 6 + ((),), Holidays.CHINA),
])  # fmt: skip
AUTUMN = datetime(2026, 9, 25, tzinfo=UTC)  # Before the holidays and both zones' clock changes.
STARTS = st.timedeltas(timedelta(0), timedelta(days=41)).map(lambda by: AUTUMN + by)


def history(start: datetime, gaps: list[tuple[int, ClockOwner]]) -> list[Stretch]:
    """One task of stretches, each with its owner, the last one open and a reviewer's."""
    card, moment = [], start
    for minutes, owner in gaps:
        card.append(stretch(owner, moment, moment + timedelta(minutes=minutes)))
        moment += timedelta(minutes=minutes)
    return [*card, stretch(ClockOwner.REVIEWER, moment)]


@settings(max_examples=200, deadline=None)
@given(CALENDARS, STARTS, GAPS, st.integers(60, 40 * 3600))
def test_exactly_the_budget_is_used_up_at_the_deadline_for_any_owners(
    calendar: WorkingCalendar, start: datetime, gaps: list[tuple[int, ClockOwner]], budget: int
) -> None:
    card, some = history(start, gaps), policies(calendar, budget_s=budget)
    plan = clock_plan(some, TERMS, "t1", card, card[-1].starts)
    ours = [(one.starts, min(one.ends or plan.due_at, plan.due_at)) for one in card if one.runs]
    assert sum((calendar.worked(*two) for two in ours), timedelta(0)) == timedelta(seconds=budget)
    assert plan.warn_at <= plan.due_at
    assert clock_plan(some, TERMS, "t1", card, card[-1].starts + timedelta(days=9)) == plan, (
        "the same whenever it is asked"
    )


@settings(max_examples=150, deadline=None)
@given(CALENDARS, STARTS, st.integers(60, 20 * 3600), st.integers(1, 5000))
def test_a_pause_moves_the_deadline_by_what_it_took_and_by_nothing_else(
    calendar: WorkingCalendar, start: datetime, budget: int, minutes: int
) -> None:
    before = calendar.after(start, budget // 2)
    after = before + timedelta(minutes=minutes)
    paused = [stretch(ClockOwner.REVIEWER, start, before), stretch(ClockOwner.SELLER, before, after), stretch(ClockOwner.REVIEWER, after)]  # fmt: skip
    plan = clock_plan(policies(calendar, budget_s=budget), TERMS, "t1", paused, after)
    assert plan.due_at == calendar.after(after, budget - budget // 2)


def test_the_built_in_document_is_without_flaw_and_each_part_of_it_is_needed() -> None:
    assert built_in().calendars["office"].shifts_on(date(2026, 10, 10)) != ()
    for part in ("calendars", "otherwise", "policies"):
        document = built_in_document()
        del document[part]
        with pytest.raises(DocumentWrong) as wrong:
            parse(document, 2)
        assert any(flaw.path == part and flaw.kind is FlawKind.MISSING for flaw in wrong.value.flaws)


@pytest.mark.parametrize(
    ("place", "put", "flaw"),
    [
        (("calendars", "office", "timezone"), "Mars/Olympus", Flaw("calendars.office.timezone", FlawKind.NOT_A_ZONE)),
        (("calendars", "office", "timezone"), "../etc/passwd", Flaw("calendars.office.timezone", FlawKind.NOT_A_ZONE)),
        (("calendars", "office", "week", "mon", 0), "9-12", Flaw("calendars.office.week.mon[0]", FlawKind.NOT_A_SHIFT)),
        (("calendars", "office", "week", "mon", 0), "09:00-13:30", Flaw("calendars.office.week.mon", FlawKind.OVERLAPS)),
        (("calendars", "office", "week"), {}, Flaw("calendars.office.week", FlawKind.NEVER_OPEN)),
        (("calendars", "office", "dates"), {"2027-02-30": []}, Flaw("calendars.office.dates.2027-02-30", FlawKind.NOT_A_DATE)),
        (("calendars", "office", "holidays"), "mars", Flaw("calendars.office.holidays", FlawKind.NOT_KNOWN)),
        (("teams", "cards"), "night", Flaw("teams.cards", FlawKind.NOT_KNOWN)),
        (("policies", 1, "budget_s"), "soon", Flaw("policies[1].budget_s", FlawKind.NOT_A_NUMBER)),
        (("policies", 1, "budget_s"), True, Flaw("policies[1].budget_s", FlawKind.NOT_A_NUMBER)),
        (("policies", 1, "budget_s"), 5, Flaw("policies[1].budget_s", FlawKind.OUT_OF_RANGE)),
        (("policies", 1, "chain", 0, "tell"), "nobody", Flaw("policies[1].chain[0].tell", FlawKind.NOT_KNOWN)),
        (("policies", 1, "at_end", "do"), "pay", Flaw("policies[1].at_end.do", FlawKind.NOT_KNOWN)),
        (("policies", 1, "when", "card_types", 0), "fuel", Flaw("policies[1].when.card_types[0]", FlawKind.NOT_KNOWN)),
        (("policies", 1, "code"), "urgent", Flaw("policies[1].code", FlawKind.TWICE)),
        (("policies", 1, "when"), {}, Flaw("policies[1].when", FlawKind.NOT_LAST)),
        (("policies", 5, "when"), {"priorities": ["high"]}, Flaw("policies[5].when", FlawKind.NOT_LAST)),
        (("policies", 1, "first_response_s"), 60, Flaw("policies[1].first_response_s", FlawKind.NOT_KNOWN)),
        (("policies", 9, "next_response_s"), 5, Flaw("policies[9].next_response_s", FlawKind.OUT_OF_RANGE)),
        (("policies", 1, "colour"), "red", Flaw("policies[1].colour", FlawKind.NOT_KNOWN)),
    ],
)  # fmt: skip
def test_a_flaw_is_named_by_its_path(place: tuple[Any, ...], put: Any, flaw: Flaw) -> None:
    document: Any = copy.deepcopy(built_in_document())
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = put
    with pytest.raises(DocumentWrong) as wrong:
        parse(document, 2)
    assert wrong.value.flaws == (flaw,)


@pytest.mark.parametrize(
    ("when", "flaws"),
    [
        ({"reasons": ["appeal"]}, ()),
        ({"reasons": ["velocity"]}, (Flaw("policies[0].when.reasons[0]", FlawKind.NOT_KNOWN),)),
        ({"card_types": ["dining"]}, (Flaw("policies[0].when.card_types", FlawKind.NOT_KNOWN),)),
    ],
)
def test_a_policy_speaks_of_the_traits_of_its_own_kind(when: dict[str, Any], flaws: tuple[Flaw, ...]) -> None:
    document = built_in_document()
    short = {
        "code": "callback-short",
        "budget_s": 3600,
        "warn_share_bp": 5000,
        "when": {"kind": "callback", "value_minor_from": 1, **when},
    }
    document["policies"].insert(0, short)
    assert flaws_of(document) == flaws
    if not flaws:
        appeal = Terms(None, 1, Priority.NORMAL, frozenset({"appeal"}), "support", "callback")
        assert parse(document, 2).policy_for(appeal).code == "callback-short"


def flaws_of(document: Any) -> tuple[Flaw, ...]:
    try:
        parse(document, 2)
    except DocumentWrong as wrong:
        return wrong.flaws
    return ()


def readable(document: Any) -> bool:
    """Whether every task and team would find its policy and calendar."""
    try:
        read = parse(document, 2)
    except DocumentWrong:
        return False
    policy = read.policy_for(TERMS)
    return read.calendar_for(policy, "cards").after(AUTUMN, policy.budget_s) > AUTUMN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)  # fmt: skip
PLACES = st.sampled_from([
    ("calendars",), ("calendars", "office"), ("calendars", "office", "week"), ("calendars", "office", "dates"), ("teams",),
    ("otherwise",), ("policies",), ("policies", 0), ("policies", 0, "when"), ("policies", 0, "chain"), ("policies", 0, "at_end"),
])  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(PLACES, JSON)
def test_any_document_is_read_or_its_flaws_are_named(place: tuple[Any, ...], put: Any) -> None:
    document: Any = built_in_document()
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = put
    assert bool(flaws_of(document)) is not readable(document)
