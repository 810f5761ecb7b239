"""Money is whole minor units, rounded in one way, and never mixed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Currency, CurrencyMismatch, Money, round_half_up

amounts = st.integers(-(10**13), 10**13)


def test_the_worked_example_holds_to_the_cent() -> None:
    face = Money(50_000)
    assert (face.share(9_300), face.share(9_500)) == (Money(46_500), Money(47_500))
    assert face.share(9_500) - face.share(9_300) == Money(1_000)


@pytest.mark.parametrize(
    ("exact", "whole"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("-2.5", -3), ("2.4999", 2)]
)
def test_a_half_goes_away_from_zero(exact: str, whole: int) -> None:
    assert round_half_up(Decimal(exact)) == whole


@given(amounts, st.sampled_from(Currency))
def test_an_amount_written_as_decimal_text_is_read_back_exactly(minor: int, currency: Currency) -> None:
    money = Money(minor, currency)
    assert Money.from_decimal_text(money.decimal_text(), currency) == money


@given(amounts, amounts)
def test_adding_and_taking_away_are_exact(one: int, other: int) -> None:
    assert Money(one) + Money(other) - Money(other) == Money(one)
    assert Money(one) + -Money(one) == Money(0)


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_share_and_its_rest_differ_from_the_whole_by_at_most_one_minor_unit(minor: int, basis_points: int) -> None:
    whole = Money(minor)
    rest = whole - whole.share(basis_points) - whole.share(10_000 - basis_points)
    assert abs(rest.amount_minor) <= 1


def test_currencies_are_never_mixed() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1) + Money(1, Currency.USD)
    with pytest.raises(CurrencyMismatch):
        Money(1) - Money(1, Currency.USD)


def test_a_foreign_amount_is_converted_at_a_rate_and_rounded_once() -> None:
    assert Money(10_000, Currency.USD).converted(Decimal("7.0865"), Currency.CNY) == Money(70_865)
    assert Money(1, Currency.USD).converted(Decimal("7.5"), Currency.CNY) == Money(8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1.005",
        "NaN",
        "sNaN",
        "Infinity",
        "1,00",
        "1e5",
        "1e999999",
        "1_000",
        "9" * 5000,
        "5." + "0" * 40 + "1",
    ],
)
def test_inexact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        Money.from_decimal_text(text)


def test_amounts_are_shown_with_sign_symbol_and_thousands() -> None:
    assert [str(Money(123_456)), str(Money(-5)), str(Money(100, Currency.USD))] == ["¥1,234.56", "-¥0.05", "$1.00"]


def test_digits_of_a_chinese_keyboard_are_digits() -> None:
    assert Money.from_decimal_text("５００") == Money(50_000)


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("465", 465_00), ("465.5", 465_50), ("1,234.50", 1_234_50), ("1,234,567", 1_234_567_00), ("-9.50", -9_50),
        ("-1,234.50", -1_234_50), ("￥１，２３４．５０ 元", 1_234_50), ("0", 0),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_people_type_it(written: str, minor: int) -> None:
    assert Money.typed(written) == Money(minor)


@pytest.mark.parametrize(
    "written", ["", "1,23", "1.234,50", "12,34.00", "-0", "-0.00", "1e3", "4.655", "99.5o", "１,23"]
)
def test_ambiguous_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Money.typed(written)
