"""A waterfall sums to what the buyer pays, to the minor unit, in currencies with 0, 2 and 3 decimals."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.finance.sales import SaleMode, buyer_of
from domain.finance.waterfall import (
    PLATFORM,
    Base,
    BorneBy,
    Charge,
    Division,
    PartKind,
    SellerPaysMore,
    largest_remainder,
    waterfall,
)
from domain.money import Currency, CurrencyMismatch, Money

FEE = Charge("service-fee", 100, Money(0), PLATFORM, BorneBy.BUYER)
CURRENCIES = (Currency.JPY, Currency.CNY, Currency.KWD)  # 0, 2 and 3 decimals.


@st.composite
def parts(draw: st.DrawFn) -> tuple[tuple[str, int], ...]:
    cuts = sorted(draw(st.lists(st.integers(0, 10_000), max_size=6)))
    bounds = (0, *cuts, 10_000)
    return tuple((PLATFORM if n == 0 else f"partner-{n}", b - a) for n, (a, b) in enumerate(itertools.pairwise(bounds)))  # fmt: skip


@st.composite
def sales(draw: st.DrawFn) -> tuple[SaleMode, Money, Money, tuple[Charge, ...], tuple[Division, ...]]:
    currency, mode = draw(st.sampled_from(CURRENCIES)), draw(st.sampled_from(SaleMode))
    price = Money(draw(st.integers(1, 10**15)), currency)
    cost = Money(draw(st.integers(0, 2 * price.amount_minor)) if mode is SaleMode.OWN else 0, currency)
    borne = BorneBy.BUYER if mode is SaleMode.OWN else BorneBy.SELLER
    fixed = Money(draw(st.integers(0, price.amount_minor // 3)), currency)
    charges = (
        Charge("ours", draw(st.integers(0, 3_000)), fixed, PLATFORM, borne),
        Charge("theirs", draw(st.integers(0, 10_000)), fixed, "bank", BorneBy.BUYER),
    )
    divisions = (Division("spread", Base.SPREAD, draw(parts())), Division("fee", Base.FEE, draw(parts())))
    return mode, price, cost, charges, divisions


@given(sales())
def test_the_lines_sum_to_the_total_and_only_the_platform_bears_a_loss(sale: tuple[SaleMode, Money, Money, tuple[Charge, ...], tuple[Division, ...]]) -> None:  # fmt: skip
    mode, price, cost, charges, divisions = sale
    if mode is SaleMode.BROKERED and charges[0].amount(price) > price:
        with pytest.raises(SellerPaysMore):
            waterfall(*sale)
        return
    made = waterfall(*sale)
    assert sum((one.amount for one in made.lines), Money(0, price.currency)) == made.total
    assert made.remainders()[-1] == Money(0, price.currency)
    assert made.total >= price
    losses = [one for one in made.lines if one.amount.amount_minor < 0]
    assert [one.part for one in losses] == ([PartKind.PLATFORM] if mode is SaleMode.OWN and cost > price else [])
    for base in (Base.SPREAD, Base.FEE):
        shares = [one for one in made.lines if one.part is PartKind.SHARE and one.base is base]
        assert all(abs(one.amount.amount_minor * 10_000 - one.base_amount.amount_minor * one.rate_bp) < 10_000 for one in shares if one.base_amount)  # fmt: skip
    again = waterfall(mode, price, cost, charges, divisions)
    assert again == made


@given(st.integers(0, 10**18), parts())
def test_what_is_left_goes_to_the_largest_fractions(minor: int, shares: tuple[tuple[str, int], ...]) -> None:
    divided = largest_remainder(Money(minor), [bp for _, bp in shares])
    assert sum(one.amount_minor for one in divided) == minor
    fractions = [minor * bp % 10_000 for _, bp in shares]
    raised = [one.amount_minor - minor * bp // 10_000 for one, (_, bp) in zip(divided, shares, strict=True)]
    assert set(raised) <= {0, 1}
    least_raised = min((fraction for fraction, up in zip(fractions, raised, strict=True) if up), default=10_000)
    assert all(fraction <= least_raised for fraction, up in zip(fractions, raised, strict=True) if not up)


def test_the_worked_example_to_the_cent() -> None:
    made = waterfall(SaleMode.OWN, Money(475_00), Money(465_00), [FEE], [])
    assert made.total == Money(479_75)
    found = [(one.part, one.amount.amount_minor, left.amount_minor) for one, left in zip(made.lines, made.remainders(), strict=True)]  # fmt: skip
    assert found == [(PartKind.COST, 465_00, 14_75), (PartKind.FEE, 4_75, 10_00), (PartKind.PLATFORM, 10_00, 0)]


def test_a_third_each_of_one_cent_goes_to_the_first_with_the_largest_fraction() -> None:
    assert [one.amount_minor for one in largest_remainder(Money(1), [3_333, 3_333, 3_334])] == [0, 0, 1]
    assert [one.amount_minor for one in largest_remainder(Money(2), [3_333, 3_334, 3_333])] == [1, 1, 0]


@pytest.mark.parametrize("wrong", [[5_000, 4_999], [], [10_001, -1]])
def test_parts_that_are_no_whole_are_refused(wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="the whole"):
        largest_remainder(Money(100), wrong)


def test_two_currencies_no_price_and_a_negative_cost_are_refused() -> None:
    with pytest.raises(CurrencyMismatch):
        waterfall(SaleMode.OWN, Money(100), Money(90, Currency.USD), [], [])
    for price, cost in ((0, 0), (-1, 0), (100, -1)):
        with pytest.raises(ValueError, match="positive"):
            waterfall(SaleMode.OWN, Money(price), Money(cost), [], [])


@pytest.mark.parametrize("code", ["", "Shop", "a b", "-a", "a" * 41, "店"])
def test_a_word_that_is_no_buyers_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="buyer"):
        buyer_of(code)
