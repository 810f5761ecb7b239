"""A number checked place by place: violations are shown, hidden characters stay hidden."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rules.brand_document import Check
from domain.rules.brands import brand, catalogue
from domain.rules.number_check import NumberCheck, alphabets_of, checked, expected_check

STARBUCKS = "8104223199076643"


def _shown(check: NumberCheck) -> str:
    return "".join(place.shown or "•" for place in check.places)


def test_a_masked_number_shows_its_last_four_and_how_each_place_fares() -> None:
    told = checked(brand("starbucks"), STARBUCKS, clear=False)
    assert _shown(told) == "••••••••••••6643"
    assert told.holds
    assert (told.prefix, told.check_found, told.check_expected) == ("81", "3", "3")
    assert all(place.holds for place in told.places)


def test_letter_among_digits_is_marked_in_place() -> None:
    told = checked(brand("starbucks"), "81042231990O6643", clear=False)
    assert [place for place, one in enumerate(told.places) if not one.holds] == [11]
    assert (told.alphabet_holds, told.prefix_holds, told.length_holds, told.check_holds) == (False, True, True, False)
    assert told.check_expected is None


def test_a_missing_digit_and_a_wrong_prefix_are_distinguished() -> None:
    short = checked(brand("starbucks"), STARBUCKS[:-1], clear=False)
    assert (short.length, short.length_expected, short.length_holds) == (15, 16, False)
    foreign = checked(brand("jd"), "JE00000000000000", clear=True)
    assert (foreign.prefix, foreign.prefix_holds, foreign.alphabet_holds) == ("JD", False, True)


def test_a_wrong_check_digit_names_the_right_one() -> None:
    told = checked(brand("starbucks"), STARBUCKS[:-1] + "9", clear=False)
    assert (told.check_found, told.check_expected, told.holds) == ("9", "3", False)


def test_what_was_typed_and_what_was_read_are_compared_without_being_shown() -> None:
    told = checked(brand("starbucks"), STARBUCKS, clear=False, other="8104223199976643")
    assert [place for place, one in enumerate(told.places) if not one.agrees] == [10]
    assert told.places[10].shown is None
    assert _shown(checked(brand("starbucks"), STARBUCKS, clear=True)) == STARBUCKS


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_the_alphabets_are_those_of_the_brands_own_pattern(code: str) -> None:
    known = brand(code)
    alphabets = alphabets_of(known.number)
    assert len(alphabets) == sum(known.group)
    assert all(re.fullmatch(known.number, "".join(chosen)) for chosen in (map(min, alphabets), map(max, alphabets)))


@given(st.sampled_from(sorted(catalogue())), st.text("0123456789JDX", max_size=24))
def test_what_holds_here_is_what_the_brand_takes(code: str, number: str) -> None:
    assert checked(brand(code), number, clear=False).holds == brand(code).is_valid(number)


@given(st.text("0123456789", min_size=5, max_size=24))
def test_never_more_than_the_last_four_are_in_the_clear(number: str) -> None:
    told = checked(brand("walmart"), number, clear=False)
    assert [place.shown for place in told.places[:-4]] == [None] * (len(number) - 4)


def test_a_brand_without_check_digit_expects_none() -> None:
    assert expected_check(Check.NONE, "123") is None
