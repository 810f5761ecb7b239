"""The price tables hold the promises of the business: the worked example to the fen, and every band in its bounds."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cards.card import CardType
from domain.cards.pricing import LineKind, Valuation
from domain.money import Currency, CurrencyMismatch, Money
from domain.rules.brands import Brand, brand, catalogue
from domain.rules.prices import CardToPrice, NoRateFor, PriceTables, tables_in_force

TODAY = date(2026, 11, 22)
MARGIN_BP = {
    CardType.SUPERMARKET: (300, 500),
    CardType.ECOMMERCE: (150, 400),
    CardType.DINING: (800, 1200),
    CardType.REGIONAL: (500, 800),
    CardType.CROSSBORDER: (1000, 1500),
}
BRANDS = st.sampled_from(sorted(catalogue()))
DAYS = st.none() | st.integers(min_value=0, max_value=4000)
STOCK = st.integers(min_value=0, max_value=2_000_000)


def priced(code: str, minor: int, days: int | None = None, stock: int = 0, rate: str | None = None) -> Valuation:
    chosen = brand(code)
    return tables_in_force(TODAY).value(
        CardToPrice(chosen, Money(minor, chosen.currency), days, stock, None if rate is None else Decimal(rate))
    )


def popular(code: str, popularity: str) -> Brand:
    kept = brand(code)
    return Brand(**{**vars(kept), "popularity": popularity})


@pytest.mark.parametrize(("code", "currency"), [("amazon-us", Currency.CNY), ("jd", Currency.USD)])
def test_a_balance_in_another_currency_than_the_brands_has_no_price(code: str, currency: Currency) -> None:
    card = CardToPrice(brand(code), Money(100_00, currency), None, 0, Decimal("7.1"))
    with pytest.raises(CurrencyMismatch):
        tables_in_force(TODAY).value(card)


def test_the_worked_example_holds_to_the_fen() -> None:
    valuation = priced("jd", 500_00)
    assert (str(valuation.quote), valuation.rate_bp) == ("¥465.00", 9300)
    assert (str(valuation.resale), valuation.resale_rate_bp) == ("¥475.00", 9500)
    assert str(valuation.spread) == "¥10.00"
    assert str(valuation.service_fee) == "¥4.75"


@given(
    popularity=st.sampled_from(["high", "medium", "low"]),
    days=DAYS,
    stock=STOCK,
    code=st.sampled_from(["walmart", "carrefour"]),
)
def test_a_thousand_yuan_supermarket_card_is_bought_at_92_to_95_percent(
    popularity: str, days: int | None, stock: int, code: str
) -> None:
    card = CardToPrice(popular(code, popularity), Money(1000_00), days, stock)
    assert 920_00 <= tables_in_force(TODAY).value(card).quote.amount_minor <= 950_00


@given(code=BRANDS, popularity=st.sampled_from(["high", "medium", "low"]), days=DAYS, stock=STOCK)
def test_every_margin_stays_in_the_range_of_its_type(code: str, popularity: str, days: int | None, stock: int) -> None:
    chosen = popular(code, popularity)
    rate = Decimal("7.1234") if chosen.currency is Currency.USD else None
    valuation = tables_in_force(TODAY).value(CardToPrice(chosen, Money(1000_00, chosen.currency), days, stock, rate))
    least, most = MARGIN_BP[chosen.card_type]
    margin_bp = valuation.spread.amount_minor * 10_000 / valuation.quote.amount_minor
    assert least <= margin_bp <= most


@given(minor=st.integers(min_value=1, max_value=5_000_00), days=DAYS, stock=STOCK, code=BRANDS)
def test_the_lines_add_up_to_the_quote(minor: int, days: int | None, stock: int, code: str) -> None:
    rate = "6.98765" if brand(code).currency is Currency.USD else None
    valuation = priced(code, minor, days, stock, rate)
    steps = [
        line for line in valuation.lines if line.kind not in (LineKind.FACE_VALUE, LineKind.EXCHANGE, LineKind.QUOTE)
    ]
    assert sum(line.amount.amount_minor for line in steps) == valuation.quote.amount_minor
    assert sum(line.basis_points or 0 for line in steps) == valuation.rate_bp
    assert valuation.lines[-1].amount == valuation.quote


def test_a_foreign_balance_is_converted_at_the_locked_rate_rounded_half_up() -> None:
    valuation = priced("amazon-us", 50_01, rate="7.15")
    assert valuation.basis == Money(357_57)  # 357.5715
    assert priced("amazon-us", 1_00, rate="7.125").basis == Money(7_13)  # 7.125: a half goes up
    exchange = next(line for line in valuation.lines if line.kind is LineKind.EXCHANGE)
    assert exchange.amount == Money(357_57)


def test_short_validity_and_full_stock_cost_the_seller_something() -> None:
    fresh = priced("walmart", 1000_00, days=900, stock=300_000).quote
    assert priced("walmart", 1000_00, days=20, stock=300_000).quote < fresh
    assert priced("walmart", 1000_00, days=900, stock=900_000).quote < fresh
    assert priced("walmart", 1000_00, days=900, stock=0).quote > fresh


def test_a_later_set_takes_over_on_its_day(tmp_path: Path) -> None:
    source = Path("domain/rules/pricing")
    table = (source / "buyback-2026-11.json").read_text(encoding="utf-8")
    (tmp_path / "old.json").write_text(table, encoding="utf-8")
    (tmp_path / "new.json").write_text(table.replace('"9270"', '"9170"'), encoding="utf-8")
    common = '"rule_set": "buyback", "service_fee_bp": 100, "stock_targets": {}'
    (tmp_path / "sets.json").write_text(
        f'{{"sets": [{{{common}, "version": "a", "effective_from": "2026-01-01", "table": "old.json"}},'
        f' {{{common}, "version": "b", "effective_from": "2026-06-01", "table": "new.json"}}]}}',
        encoding="utf-8",
    )
    card = CardToPrice(brand("jd"), Money(500_00), None, 0)
    assert tables_in_force(date(2026, 5, 31), tmp_path).value(card).quote == Money(465_00)
    later = tables_in_force(date(2026, 6, 1), tmp_path).value(card)
    assert (later.quote, later.rule_version) == (Money(460_00), "b")
    with pytest.raises(LookupError):
        tables_in_force(date(2025, 12, 31), tmp_path)


def test_a_table_without_a_row_for_the_card_says_so(tmp_path: Path) -> None:
    table = Path("domain/rules/pricing/buyback-2026-11.json").read_text(encoding="utf-8")
    (tmp_path / "holes.json").write_text(table.replace('\\"ecommerce\\"', '\\"gone\\"'), encoding="utf-8")
    described = {"rule_set": "r", "version": "v", "service_fee_bp": 1, "stock_targets": {}, "table": "holes.json"}
    with pytest.raises(NoRateFor, match="jd"):
        PriceTables(described, tmp_path).value(CardToPrice(brand("jd"), Money(500_00), None, 0))
