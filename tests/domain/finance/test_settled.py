"""What a run comes to, with what is taken off for returned sales."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.finance.settlement import SettlementEnding, Terms, ending_of, settled
from domain.money import Money

AMOUNTS = st.integers(-1_000_00, 1_000_00)


@given(
    before=AMOUNTS,
    earned=AMOUNTS,
    off=st.integers(0, 2_000_00),
    minimum=st.integers(0, 200_00),
    held=st.integers(0, 10_000),
)
def test_what_is_taken_off_lowers_the_payment_alone_as_far_as_it_reaches(
    before: int, earned: int, off: int, minimum: int, held: int
) -> None:
    terms = Terms("t", "month", 3, 7, True, minimum, held)
    whole = settled(Money(before), Money(earned), terms)
    less = settled(Money(before), Money(earned - off), terms, Money(-off))
    assert less.carried_in + less.lines == less.payable + less.carried_out
    assert less.held_back == whole.held_back
    assert less.payable == Money(max(0, whole.payable.amount_minor - off))
    if off <= whole.payable.amount_minor:
        assert less.carried_out == whole.carried_out


def test_a_run_that_pays_nothing_ends_by_what_is_left() -> None:
    assert [ending_of(*left) for left in ((5, 0), (5, 7), (-5, 0), (0, 7), (0, 0))] == [
        SettlementEnding.CARRIED, SettlementEnding.CARRIED, SettlementEnding.OWING, SettlementEnding.OWING,
        SettlementEnding.NOTHING,
    ]  # fmt: skip
