"""What is withheld: nothing under the card's value, a rate of what is above its proven cost, and every bad table is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cards.card import CardType
from domain.finance.tax import IncomeKind
from domain.money import Money
from domain.policies.document import PolicyDocument
from domain.policies.flaws import DocumentWrong, FlawKind
from domain.rules.tax import KIND, TaxRules
from tests.builders.tax_rules import a_document, a_row

SELLER, PARTNER = "seller:01ARZ3NDEKTSV4RRFFQ69G5FAV", "partner:01ARZ3NDEKTSV4RRFFQ69G5FAW"


def rules(document: dict[str, Any]) -> TaxRules:
    return TaxRules(PolicyDocument("tax", 1, "tax-1", date(2026, 1, 1), KIND.require_valid(document, {})))


def flaws(document: dict[str, Any]) -> set[tuple[str, FlawKind]]:
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(document, {})
    return {(flaw.path, flaw.kind) for flaw in wrong.value.flaws}


def test_the_built_in_rules_withhold_nothing_from_a_card_sold_under_its_value() -> None:
    (document,) = KIND.built_in()
    found = TaxRules(document).withheld(SELLER, CardType.ECOMMERCE, Money(465_00), Money(500_00))
    assert (found.base, found.tax, found.net) == (Money(0), Money(0), Money(465_00))
    assert (found.rate_bp, found.income, found.rule) == (2_000, IncomeKind.PROPERTY, "person")
    assert TaxRules(document).unverified


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_the_built_in_rules_withhold_a_fifth_of_what_is_above_the_cost(proceeds: int, balance: int) -> None:
    (document,) = KIND.built_in()
    found = TaxRules(document).withheld(SELLER, CardType.ECOMMERCE, Money(proceeds), Money(balance))
    assert found.base == Money(max(0, proceeds - balance))
    assert found.tax == found.base.share(2_000)
    assert found.net + found.tax == Money(proceeds)
    assert TaxRules(document).withheld(PARTNER, CardType.ECOMMERCE, Money(proceeds), Money(balance)).tax == Money(0)


@pytest.mark.parametrize(
    ("row", "base", "tax"),
    [
        ({"cost": "nothing"}, 465_00, 93_00),
        ({"cost": "share", "cost_share_bp": 7_000}, 139_50, 27_90),
        ({"cost": "nothing", "exempt_to_minor": 465_00}, 465_00, 0),
        ({"cost": "nothing", "exempt_to_minor": 464_99}, 465_00, 93_00),
        ({"cost": "nothing", "rate_bp": 0}, 465_00, 0),
    ],
)
def test_cost_rate_and_exemption_come_from_the_row(row: dict[str, Any], base: int, tax: int) -> None:
    found = rules(a_document(a_row("all", **row))).withheld(SELLER, CardType.ECOMMERCE, Money(465_00), Money(500_00))
    assert (found.base, found.tax) == (Money(base), Money(tax))


def test_where_the_seller_declares_it_nothing_is_withheld_and_the_base_is_kept() -> None:
    document = a_document(a_row("all", cost="nothing")) | {"duty": "seller"}
    found = rules(document).withheld(SELLER, CardType.ECOMMERCE, Money(465_00), Money(500_00))
    assert (found.base, found.tax) == (Money(465_00), Money(0))


def test_the_first_row_that_fits_counts() -> None:
    document = a_document(
        a_row("abroad", card_type="crossborder", income="labour", cost="nothing"),
        a_row("firms", owner="partner", rate_bp=0),
        a_row("all"),
    )
    made = rules(document)
    found = [
        made.withheld(owner, kind, Money(100), Money(0)).rule
        for owner, kind in ((PARTNER, CardType.CROSSBORDER), (PARTNER, CardType.DINING), (SELLER, CardType.DINING))
    ]
    assert found == ["abroad", "firms", "all"]


def test_a_bad_table_is_refused_by_its_place() -> None:
    assert flaws(a_document(a_row("all"), a_row("late", owner="seller"))) == {
        ("kinds[1]", FlawKind.HIDDEN), ("kinds[1]", FlawKind.NOT_FOR_ALL),
    }  # fmt: skip
    assert flaws(a_document(a_row("one", owner="seller"))) == {("kinds[0]", FlawKind.NOT_FOR_ALL)}
    assert flaws(a_document(a_row("one", owner="seller"), a_row("one"))) == {("kinds[1].code", FlawKind.TWICE)}
    assert flaws(a_document(a_row("all", cost="share"))) == {("kinds[0].cost_share_bp", FlawKind.CONTRADICTS)}
    assert flaws(a_document(a_row("all", rate_bp=5_001))) == {("kinds[0].rate_bp", FlawKind.OUT_OF_RANGE)}
    assert flaws(a_document(a_row("all", rate_bp=-1))) == {("kinds[0].rate_bp", FlawKind.OUT_OF_RANGE)}
    assert flaws(a_document()) == {("kinds", FlawKind.OUT_OF_RANGE)}
