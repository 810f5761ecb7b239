"""Amounts and dates in every form they are printed in."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Currency, Money
from ocr.values import expiry_in, money_in


@pytest.mark.parametrize(
    ("printed", "minor", "currency"),
    [
        ("¥500", 50000, "CNY"),
        ("￥ 1,000.00", 100000, "CNY"),
        ("500元", 50000, "CNY"),
        ("人民币500元", 50000, "CNY"),
        ("RMB 200", 20000, "CNY"),
        ("500 YUAN", 50000, "CNY"),
        ("¥5OO", 50000, "CNY"),
        ("$100", 10000, "USD"),
        ("US$ 25.50", 2550, "USD"),
        ("USD 100", 10000, "USD"),
        ("100美元", 10000, "USD"),
    ],
)
def test_amounts(printed: str, minor: int, currency: str) -> None:
    assert money_in(printed) == Money(minor, Currency(currency))


def test_a_bare_number_is_an_amount_only_beside_its_label() -> None:
    assert money_in("300") is None
    assert money_in("300", Currency.CNY) == Money(30000)
    assert money_in("谢谢", Currency.CNY) is None


@pytest.mark.parametrize(
    ("printed", "day"),
    [
        ("2028-12-31", date(2028, 12, 31)),
        ("2028/1/5", date(2028, 1, 5)),
        ("2028.02.29", date(2028, 2, 29)),
        ("2028年12月31日", date(2028, 12, 31)),
        ("2028年2月", date(2028, 2, 29)),
        ("09/28", date(2028, 9, 30)),
        ("09/2028", date(2028, 9, 30)),
        ("20281231", date(2028, 12, 31)),
        ("2024.01.01-2027.12.31", date(2027, 12, 31)),
        ("EXPIRES MAY 5, 2029", date(2029, 5, 5)),
        ("GOOD THRU DECEMBER 31 2028", date(2028, 12, 31)),
        ("EXP 30 JUN 2028", date(2028, 6, 30)),
        ("EXP 30-JUN-2028", date(2028, 6, 30)),
        ("VALID UNTIL JUN 2028", date(2028, 6, 30)),
        ("EXP 06-2028", date(2028, 6, 30)),
        ("12/31/2028", date(2028, 12, 31)),
        ("31.12.2028", date(2028, 12, 31)),
        ("05/05/2028", date(2028, 5, 5)),
        ("05/06/2028", None),
        ("12/31/28", date(2028, 12, 31)),
        ("31/12/28", None),  # 28 December 2031 as well.
        ("05-05-05", date(2005, 5, 5)),
        ("06-28", date(2028, 6, 30)),
        ("EXP 06.28", date(2028, 6, 30)),
        ("13-28", None),
        ("2028-13-45", None),
        ("400-820-1617", None),
    ],
)
def test_expiry_dates(printed: str, day: date | None) -> None:
    assert expiry_in(printed) == day


@pytest.mark.parametrize(
    "printed",
    ["2026-09-04 14:22", "交易时间 2026.09.04 9：05", "1/20", "06-28", "12/31/28", "JUN 2028", "2028年2月", "09/2028"],
)
def test_without_a_label_times_months_and_short_years_are_no_expiry(printed: str) -> None:
    assert expiry_in(printed, labelled=False) is None


@pytest.mark.parametrize("printed", ["2028-12-31", "20281231", "30 JUN 2028", "12/31/2028"])
def test_a_whole_day_is_an_expiry_without_a_label(printed: str) -> None:
    assert expiry_in(printed, labelled=False) == expiry_in(printed)


@given(
    st.dates(date(2020, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%d %b %Y", "%B %d, %Y"]),
)
def test_any_day_is_read_back(day: date, form: str) -> None:
    assert expiry_in(f"有效期至 {day.strftime(form)}".upper()) == day


@given(st.integers(1, 999_999))
def test_any_amount_is_read_back(yuan: int) -> None:
    assert money_in(f"¥{yuan}") == money_in(f"{yuan}元") == Money(yuan * 100)
