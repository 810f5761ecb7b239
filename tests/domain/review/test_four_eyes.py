"""Which decisions need a second review: pure, dated, and sampled so that the draw cannot be influenced."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cards.review import ReviewOutcome
from domain.review.four_eyes import CheckNeed, ProposedDecision, apart, drawn, lot_of, need
from domain.rules.checks import check_policy
from domain.sealing import KeyRing

POLICY, NEWEST = check_policy(date(2026, 11, 23)), check_policy(date(2026, 11, 27))
PLAIN = ProposedDecision("f" * 64, ReviewOutcome.APPROVE, 4_999_99, "starbucks", frozenset({"card_type"}), False)
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
def test_value_risk_and_a_new_maker_need_a_second_review(made: ProposedDecision, why: CheckNeed) -> None:
    assert need(made, POLICY) is why


def test_brands_are_checked_where_the_policy_names_them() -> None:
    assert need(PLAIN, replace(POLICY, brands=frozenset({"starbucks"}))) is CheckNeed.BRAND


def test_a_rejection_costs_nothing_and_is_not_checked_unless_the_policy_says_so() -> None:
    dear = replace(PLAIN, outcome=ReviewOutcome.REJECT, value_minor=9_000_00)
    assert need(dear, POLICY) is None
    assert need(dear, replace(POLICY, outcomes=frozenset(ReviewOutcome))) is CheckNeed.VALUE


def test_an_unverified_card_is_never_approved_by_one_person() -> None:
    for reason in ("issuer_unknown", "outlet_silent", "conflicting_answers", "wrong_pin"):
        made = replace(PLAIN, value_minor=1, reasons=frozenset({"card_type", reason}))
        assert need(made, NEWEST) is CheckNeed.UNVERIFIED
        assert need(replace(made, outcome=ReviewOutcome.REJECT), NEWEST) is None
        corrected = replace(made, outcome=ReviewOutcome.APPROVE_CORRECTED)
        assert need(corrected, NEWEST) is None, "a correction is verified again before anything is bought"


def test_a_draw_takes_its_share_and_gives_each_card_one_answer() -> None:
    keyring = KeyRing.generate()
    lots = [lot_of(keyring, f"card{number}", "four-eyes") for number in range(20_000)]
    share = sum(drawn(lot, 500) for lot in lots) / len(lots)
    assert 0.045 < share < 0.055
    assert lot_of(keyring, "card7", "four-eyes") == lots[7]
    assert {drawn(lot, 10_000) for lot in lots} == {True}
    assert {drawn(lot, 0) for lot in lots} == {False}


def test_a_draw_cannot_be_foreseen_without_the_key_and_differs_by_seed() -> None:
    keyring, other = KeyRing.generate(), KeyRing.generate()
    assert lot_of(keyring, "card7", "four-eyes") != lot_of(other, "card7", "four-eyes")
    assert lot_of(keyring, "card7", "four-eyes") != lot_of(keyring, "card7", "second-review")
    assert lot_of(keyring.rotated(), "card7", "four-eyes") == lot_of(keyring, "card7", "four-eyes")


@given(st.integers(0, 2**256 - 1), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_larger_share_draws_all_that_a_smaller_one_draws(number: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    lot = f"{number:064x}"
    assert drawn(lot, low) <= drawn(lot, high)


@given(PEOPLE, PEOPLE)
def test_apart_is_symmetric_and_false_for_a_person_on_both_sides(
    makers: frozenset[str], others: frozenset[str]
) -> None:
    assert apart(makers, others) == apart(others, makers) == (not any(one in others for one in makers))


@pytest.mark.parametrize(
    ("handled_by", "two"),
    [
        ({}, True),
        ({"mei": {"root"}}, True),
        ({"mei": {"root"}, "lin": {"root"}}, False),  # One administrator made both.
        ({"mei": {"lin"}}, False),  # One made the other.
        ({"lin": {"mei"}}, False),
        ({"mei": {"root"}, "lin": {"rita"}}, True),
    ],
)
def test_accounts_handled_by_one_person_are_not_two_people(handled_by: dict[str, set[str]], two: bool) -> None:
    handled = {one: frozenset(by) for one, by in handled_by.items()}
    assert apart(frozenset({"mei"}), frozenset({"lin"}), handled) is two
    assert apart(frozenset({"lin"}), frozenset({"mei"}), handled) is two
