"""What a change of a foreign position realises: a position of nothing is always booked at nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.finance.fx import can_take_back, realised
from domain.money import Currency, Money

amounts = st.integers(1, 10**9)
signs = st.sampled_from([1, -1])
rates = st.decimals(min_value=Decimal("0.01"), max_value=100, places=4)


def dollars(minor: int) -> Money:
    return Money(minor, Currency.USD)


@pytest.mark.parametrize(
    ("position", "moved", "difference"),
    [
        ((300, 2_000), (-100, -600), -67),  # A third of 20.00 for 6.00.
        ((300, 2_000), (-300, -2_100), 100),  # All of it for 21.00.
        ((300, 2_000), (100, 800), 0),  # More comes to it, at its own rate.
        ((300, 2_000), (-400, -2_800), 100),  # 300 for 21.00, and 100 below nothing at 7.00 each.
        ((-100, -700), (100, 650), 50),  # What was owed at 7.00 is had for 6.50.
        ((-100, -700), (300, 1_950), 50),
        ((0, 0), (100, 710), 0),
        ((0, 250), (100, 710), -250),  # What earlier returns left on a position of nothing goes with its next change.
    ],
)
def test_what_closes_a_position_realises_and_what_opens_it_does_not(
    position: tuple[int, int], moved: tuple[int, int], difference: int
) -> None:
    given_at = (dollars(position[0]), Money(position[1]), dollars(moved[0]), Money(moved[1]))
    assert realised(*given_at) == Money(difference)


changes = st.lists(st.tuples(amounts, signs, rates), min_size=1, max_size=12)


@given(changes=changes)
@example(changes=[(100, 1, Decimal(7)), (50, -1, Decimal(8)), (100, -1, Decimal(7)), (50, 1, Decimal("6.5"))])
def test_after_any_changes_a_position_of_nothing_is_booked_at_nothing(changes: list[tuple[int, int, Decimal]]) -> None:
    held, booked = dollars(0), Money(0)
    paid = gains = Money(0)

    def change(minor: int, rate: Decimal) -> None:
        nonlocal held, booked, paid, gains
        moved = dollars(minor)
        value = moved.converted(rate, Currency.CNY)
        gain = realised(held, booked, moved, value)
        held, booked, paid, gains = held + moved, booked + value + gain, paid + value, gains + gain
        assert booked.amount_minor * held.amount_minor >= 0  # Both have the same sign, or one of them is nothing.
        if not held.amount_minor:
            assert booked == Money(0)

    for minor, sign, rate in changes:
        change(minor * sign, rate)
    if held.amount_minor:
        change(-held.amount_minor, Decimal("7.3"))
    assert (held, booked) == (dollars(0), Money(0))
    assert gains == -paid  # Every yuan of difference was realised, none twice.


@pytest.mark.parametrize(
    ("position", "moved", "possible"),
    [
        ((0, 0), (100, 700), True),
        ((50, 360), (100, 700), True),
        ((-100, -700), (100, 700), True),  # Nothing is booked at nothing again.
        ((-100, -720), (100, 700), False),  # Nothing would be booked at -0.20.
        ((-50, -800), (100, 700), False),  # 0.50 that will come would be booked below nothing.
        ((-200, -1_440), (100, 700), True),
    ],
)
def test_what_left_a_position_comes_back_unless_its_booking_would_make_no_sense(
    position: tuple[int, int], moved: tuple[int, int], possible: bool
) -> None:
    (open_, booked), (back, value) = position, moved
    assert can_take_back(dollars(open_), Money(booked), dollars(back), Money(value)) is possible
