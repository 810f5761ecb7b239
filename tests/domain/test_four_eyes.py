"""Which decisions a second person must look at: pure, dated, and drawn so that nobody can turn it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.four_eyes import CheckNeed, Made, apart, drawn, need
from domain.review import ReviewOutcome
from domain.rules.checks import check_policy

POLICY = check_policy(date(2026, 11, 23))
PLAIN = Made("card:1:review:1", ReviewOutcome.APPROVE, 4_999_99, "starbucks", frozenset({"card_type"}), False)
PEOPLE = st.frozensets(st.sampled_from("abcdefg"))


def test_a_plain_approval_is_one_persons_word() -> None:
    assert need(PLAIN, POLICY) is None


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (replace(PLAIN, value_minor=5_000_00), CheckNeed.VALUE),
        (replace(PLAIN, reasons=frozenset({"forged_number"})), CheckNeed.RISK),
        (replace(PLAIN, maker_on_probation=True), CheckNeed.PROBATION),
        (replace(PLAIN, value_minor=9_000_00, maker_on_probation=True), CheckNeed.VALUE),
    ],
)
def test_value_risk_and_a_new_maker_need_a_second_pair_of_eyes(made: Made, why: CheckNeed) -> None:
    assert need(made, POLICY) is why


def test_brands_are_checked_where_the_policy_names_them() -> None:
    assert need(PLAIN, replace(POLICY, brands=frozenset({"starbucks"}))) is CheckNeed.BRAND


def test_a_rejection_costs_nothing_and_is_not_checked_unless_the_policy_says_so() -> None:
    dear = replace(PLAIN, outcome=ReviewOutcome.REJECT, value_minor=9_000_00)
    assert need(dear, POLICY) is None
    assert need(dear, replace(POLICY, outcomes=frozenset(ReviewOutcome))) is CheckNeed.VALUE


def test_a_draw_takes_its_share_and_says_the_same_for_ever() -> None:
    names = [f"card:{number}:review:1" for number in range(20_000)]
    share = sum(drawn(name, "four-eyes", 500) for name in names) / len(names)
    assert 0.045 < share < 0.055
    assert drawn("card:7:review:1", "four-eyes", 500) == drawn("card:7:review:1", "four-eyes", 500)
    assert {drawn(name, "four-eyes", 10_000) for name in names} == {True}
    assert {drawn(name, "four-eyes", 0) for name in names} == {False}


@given(st.text(), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_larger_share_draws_all_that_a_smaller_one_draws(name: str, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert drawn(name, "seed", low) <= drawn(name, "seed", high)


@given(PEOPLE, PEOPLE)
def test_apart_is_the_same_from_both_sides_and_false_for_anybody_on_both(
    makers: frozenset[str], others: frozenset[str]
) -> None:
    assert apart(makers, others) == apart(others, makers) == (not any(one in others for one in makers))
