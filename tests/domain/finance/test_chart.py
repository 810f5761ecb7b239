"""Accounts by class and owner, and the day that a fact counts for."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from domain.finance.chart import CHART, OwnerKind, account, account_of
from domain.finance.periods import month_of, next_month, open_day
from services.finance.books_export import beancount_name


@given(st.sampled_from(["seller_payable", "buyer_deposit", "cash", "inventory"]), st.text(max_size=12))
def test_an_account_is_named_by_its_class_and_owner(class_code: str, owner: str) -> None:
    try:
        made = account(class_code, owner)
    except ValueError:
        assert (class_code == "inventory") is bool(owner)
        return
    assert account_of(made.code) == made
    assert beancount_name(made.code).partition(":")[0] in ("Assets", "Liabilities")


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.sets(st.integers(0, 30), max_size=8))
def test_a_fact_counts_for_its_own_day_or_the_first_open_one(day: date, closed_after: set[int]) -> None:
    closed, month = set(), month_of(day)
    for number in range(31):
        closed |= {month} if number in closed_after else set()
        month = next_month(month)
    counts = open_day(day, closed)
    assert month_of(counts) not in closed
    assert counts == day or (counts.day == 1 and counts > day)


def test_every_class_of_the_chart_is_named_for_beancount_apart_from_the_others() -> None:
    codes = [one.code if one.owner is OwnerKind.PLATFORM else f"{one.code}:x" for one in CHART.values()]
    assert len({beancount_name(code) for code in codes}) == len(CHART)
