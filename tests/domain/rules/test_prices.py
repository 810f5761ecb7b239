"""The price tables hold the promises of the business: the worked example to the fen, and every band in its bounds."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cards.card import CardType
from domain.cards.pricing import LineKind, Valuation
from domain.money import Currency, CurrencyMismatch, Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules.brands import Brand, brand, catalogue
from domain.rules.price_document import PRICING, built_in, graph
from domain.rules.prices import KIND, CardToPrice, NoRateFor, tables_in_force, tables_of

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


def version(name: str, begins: date, **tables: Any) -> PolicyDocument:
    document = {**BOOK.in_force(KIND, TODAY).document, **tables}
    return PolicyDocument("prices", 1, name, begins, document)


def test_the_decision_graph_of_the_built_in_document_is_the_file_of_the_product() -> None:
    file = json.loads((PRICING / "buyback-2026-11.json").read_text(encoding="utf-8"))
    assert graph(built_in()[0].document) == file


def test_a_version_is_priced_by_its_own_tables() -> None:
    base = [
        {**row, "base_bp": 9170 if row["brand"] == "jd" else row["base_bp"]} for row in built_in()[0].document["base"]
    ]
    card = CardToPrice(brand("jd"), Money(500_00), None, 0)
    assert tables_of(version("a", TODAY)).value(card).quote == Money(465_00)
    later = tables_of(version("b", TODAY, base=base)).value(card)
    assert (later.quote, later.rule_version) == (Money(460_00), "b")
    with pytest.raises(LookupError):
        tables_in_force(date(2019, 12, 31))


def test_a_table_without_a_row_for_the_card_says_so_and_is_not_saved() -> None:
    base = [row for row in built_in()[0].document["base"] if row["card_type"] != "ecommerce"]
    holes = version("holes", TODAY, base=base)
    with pytest.raises(NoRateFor, match="jd"):
        tables_of(holes).value(CardToPrice(brand("jd"), Money(500_00), None, 0))
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(dict(holes.document), {})
    assert {(flaw.path, flaw.kind) for flaw in wrong.value.flaws} == {
        ("base.jd", FlawKind.MISSING), ("base.tmall", FlawKind.MISSING),
    }  # fmt: skip


def test_tables_that_pay_more_than_a_card_is_worth_are_not_saved() -> None:
    base = [{**row, "base_bp": 10_000} for row in built_in()[0].document["base"]]
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(dict(version("generous", TODAY, base=base).document), {})
    assert Flaw("base.jd", FlawKind.CONTRADICTS) in wrong.value.flaws
