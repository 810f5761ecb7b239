"""The order of the queue, as a pure answer: bands before moments, value and age weighed together, never moved by time alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.work.queue_order import (
    CREDIT_MAX,
    HIGH_LEAD,
    OrderFacts,
    OrderReason,
    band_of,
    credit,
    order_at,
    reasons_of,
)
from domain.work.task import Band, Priority

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENTS = st.integers(-1_000_000, 1_000_000).map(lambda minutes: NOON + timedelta(minutes=minutes))
FACTS = st.builds(
    OrderFacts, opened_at=MOMENTS, due_at=MOMENTS, value_minor=st.integers(0, 10**9), priority=st.sampled_from(Priority),
    escalated=st.booleans(), warned=st.booleans(), breached=st.booleans(), came_back_at=st.none() | MOMENTS,
    leased_by=st.sampled_from([None, "lin", "chen"]), assigned_to=st.sampled_from([None, "lin", "chen"]),
)  # fmt: skip


def facts(**more: object) -> OrderFacts:
    return replace(OrderFacts(opened_at=NOON, due_at=NOON + timedelta(hours=4), value_minor=0), **more)  # type: ignore[arg-type]


def place(one: OrderFacts) -> tuple[Band, datetime]:
    return band_of(one), order_at(one)


def test_escalated_comes_before_what_is_about_to_breach_then_what_came_back_then_the_rest_and_what_waits_for_others() -> (
    None
):
    kinds: list[dict[str, object]] = [
        {"escalated": True},
        {"warned": True},
        {"came_back_at": NOON},
        {},
        {"waiting": True, "escalated": True},
    ]
    assert [band_of(facts(**kind)) for kind in kinds] == list(Band)
    assert band_of(facts(escalated=True, warned=True, came_back_at=NOON)) is Band.ESCALATED
    assert band_of(facts(breached=True, came_back_at=NOON)) is Band.ABOUT_TO_BREACH


def test_ten_yuan_weigh_a_minute_and_no_value_weighs_more_than_twelve_hours() -> None:
    assert credit(10_00) == timedelta(minutes=1)
    assert credit(500_00) == timedelta(minutes=50)
    assert credit(10**9) == CREDIT_MAX == timedelta(hours=12)
    assert credit(-1) == timedelta(0)
    dear, old = facts(value_minor=600_00), facts(opened_at=NOON - timedelta(minutes=59))
    assert order_at(dear) < order_at(old)
    assert order_at(facts(opened_at=NOON - timedelta(minutes=61))) < order_at(dear)


def test_what_is_late_is_ordered_by_its_deadline_and_what_came_back_by_when() -> None:
    assert order_at(facts(warned=True, value_minor=10**9)) == NOON + timedelta(hours=4)
    assert order_at(facts(escalated=True)) == NOON + timedelta(hours=4)
    assert order_at(facts(came_back_at=NOON + timedelta(hours=1))) == NOON + timedelta(hours=1)


@pytest.mark.parametrize("state", [{}, {"warned": True}, {"escalated": True}, {"came_back_at": NOON}])
def test_urgent_comes_before_everything_of_its_band(state: dict[str, object]) -> None:
    urgent = facts(priority=Priority.URGENT, **state)
    longest = facts(
        opened_at=NOON - timedelta(days=365), due_at=NOON - timedelta(days=365), value_minor=10**9,
        **state | ({"came_back_at": NOON - timedelta(days=365)} if "came_back_at" in state else {}),
    )  # fmt: skip
    assert place(urgent) < place(longest)
    assert order_at(facts(**state)) - order_at(facts(priority=Priority.HIGH, **state)) == HIGH_LEAD


@given(FACTS, st.integers(0, 10**9))
def test_more_value_never_puts_a_task_behind(one: OrderFacts, more: int) -> None:
    assert place(replace(one, value_minor=one.value_minor + more)) <= place(one)


@given(FACTS, st.timedeltas(timedelta(0), timedelta(days=60)))
def test_the_one_that_waits_longer_never_comes_later(one: OrderFacts, longer: timedelta) -> None:
    waited = replace(one, opened_at=one.opened_at - longer, due_at=one.due_at - longer)
    assert place(waited) <= place(one)


@given(FACTS)
def test_lease_changes_the_order_only_for_its_holder(one: OrderFacts) -> None:
    assert place(replace(one, leased_by=None, assigned_to=None)) == place(one)


@given(FACTS, st.sampled_from([None, "lin", "chen"]))
def test_every_place_has_its_reasons_and_the_band_is_among_them(one: OrderFacts, person: str | None) -> None:
    reasons = reasons_of(one, person)
    of_band = {
        Band.ESCALATED: {OrderReason.ESCALATED},
        Band.ABOUT_TO_BREACH: {OrderReason.LATE, OrderReason.ABOUT_TO_BREACH},
        Band.CAME_BACK: {OrderReason.CAME_BACK},
        Band.ORDINARY: {OrderReason.AGE},
    }
    assert of_band[band_of(one)] & set(reasons)
    assert (OrderReason.MINE_HELD in reasons) is (person is not None and one.leased_by == person)
    assert (OrderReason.MINE_ASSIGNED in reasons) is (person is not None and one.assigned_to == person)
    assert not {OrderReason.VALUE, OrderReason.AGE} & set(reasons) or band_of(one) is Band.ORDINARY
