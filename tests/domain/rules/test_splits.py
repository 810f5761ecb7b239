"""Split rules: the first row that fits counts, with the reason why others did not; every bad table is refused by its place."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from domain.cards.card import CardType
from domain.finance.counterparties import Instalments
from domain.finance.sales import SaleMode
from domain.finance.waterfall import waterfall
from domain.money import Money
from domain.policies.document import PolicyDocument
from domain.policies.flaws import DocumentWrong, FlawKind
from domain.rules.splits import KIND, Passed, SaleFacts, SplitRules
from tests.builders.split_rules import a_document, charge, division

SALE = SaleFacts(SaleMode.OWN, CardType.ECOMMERCE, "jd", "acme", "seller")


def rules(document: dict[str, Any]) -> SplitRules:
    return SplitRules(PolicyDocument("splits", 1, "splits-1", date(2026, 1, 1), KIND.require_valid(document, {})))


def flaws(document: dict[str, Any], before: dict[str, Any] | None = None) -> set[tuple[str, FlawKind]]:
    with pytest.raises(DocumentWrong) as wrong:
        KIND.require_valid(document, before or {})
    return {(flaw.path, flaw.kind) for flaw in wrong.value.flaws}


def test_the_first_row_that_fits_counts_and_the_others_say_why_not() -> None:
    found = rules(a_document()).ruling(SALE)
    assert [one.rule for one in found.charges] == ["acme-fee"]
    assert [one.rule for one in found.divisions] == ["rest", "fees"]
    assert set(found.passed) == {
        Passed("commission", "mode"), Passed("instalments", "instalments"), Passed("regional", "outlet"), Passed("works", "owner"),
        Passed("taken-in", "intake_point"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sale", "charges", "divisions"),
    [
        (SaleFacts(SaleMode.OWN, CardType.REGIONAL, "market", "shop", "seller", "mall"), ["fee"], ["regional", "fees"]),
        (
            SaleFacts(SaleMode.OWN, CardType.DINING, "cafe", "shop", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            ["fee"],
            ["works", "fees"],
        ),
        (SaleFacts(SaleMode.BROKERED, CardType.DINING, "cafe", "shop", "seller"), ["commission"], ["rest", "fees"]),
        (
            SaleFacts(SaleMode.OWN, CardType.DINING, "cafe", "shop", "seller", "", Instalments.YES),
            ["fee", "instalments"],
            ["rest", "fees"],
        ),
        (
            SaleFacts(SaleMode.OWN, CardType.DINING, "cafe", "shop", "seller", intake_point="corner"),
            ["fee"],
            ["taken-in", "fees"],
        ),
    ],
)
def test_each_kind_of_term_finds_its_row(sale: SaleFacts, charges: list[str], divisions: list[str]) -> None:
    found = rules(a_document()).ruling(sale)
    assert [one.rule for one in found.charges] == charges
    assert [one.rule for one in found.divisions] == divisions


def test_rules_of_every_kind_give_a_waterfall_to_the_cent() -> None:
    found = rules(a_document()).ruling(
        SaleFacts(SaleMode.OWN, CardType.ECOMMERCE, "jd", "shop", "seller", "", Instalments.YES)
    )
    made = waterfall(SaleMode.OWN, Money(475_00), Money(465_00), found.charges, found.divisions)
    assert [(one.rule, one.to, one.amount.amount_minor) for one in made.lines] == [
        ("cost", "", 465_00), ("instalments", "bank", 8_13), ("rest", "club", 1_00), ("rest", "resale", 2_00),
        ("rest", "corner", 33), ("fees", "resale", 2_38), ("fee", "", 2_37), ("spread", "", 6_67),
    ]  # fmt: skip
    assert made.total == Money(487_88)


def test_the_built_in_rules_give_the_worked_example() -> None:
    (document,) = KIND.built_in()
    found = SplitRules(document).ruling(SALE)
    made = waterfall(SaleMode.OWN, Money(475_00), Money(465_00), found.charges, found.divisions)
    assert {one.rule: one.amount.amount_minor for one in made.lines} == {
        "cost": 465_00,
        "service-fee": 4_75,
        "spread": 10_00,
    }


def test_parts_that_are_no_whole_and_receivers_that_are_unknown_are_refused() -> None:
    document = a_document()
    document["divisions"][2]["parts"][0]["share_bp"] = 999
    document["divisions"][3]["parts"][0]["to"] = "nobody"
    document["divisions"][1]["parts"][1]["to"] = "works"
    document["charges"][3]["to"] = "someone"
    assert flaws(document) == {
        ("divisions[2].parts", FlawKind.NOT_WHOLE), ("divisions[3].parts[0].to", FlawKind.NOT_KNOWN),
        ("divisions[1].parts[1].to", FlawKind.TWICE), ("charges[3].to", FlawKind.NOT_KNOWN),
    }  # fmt: skip


def test_negative_and_excessive_rates_are_refused() -> None:
    document = a_document()
    document["charges"][0]["rate_bp"] = -1
    document["charges"][1]["fixed_minor"] = -5
    document["divisions"][0]["parts"][0]["share_bp"] = 10_001
    assert flaws(document) == {
        ("charges[0].rate_bp", FlawKind.OUT_OF_RANGE), ("charges[1].fixed_minor", FlawKind.OUT_OF_RANGE),
        ("divisions[0].parts[0].share_bp", FlawKind.OUT_OF_RANGE),
    }  # fmt: skip


def test_a_row_that_another_always_hides_and_a_code_given_twice_are_refused() -> None:
    document = a_document()
    document["charges"].append(charge("late", buyer="shop", mode="own"))
    document["divisions"].append(division("rest", ("platform", 10_000), brand="jd"))
    assert flaws(document) == {
        ("charges[4]", FlawKind.HIDDEN), ("divisions[5]", FlawKind.HIDDEN), ("divisions[5].code", FlawKind.TWICE),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "changed", "place"),
    [
        (0, {"to": "club"}, "charges[0].to"),
        (1, {"borne_by": "seller"}, "charges[1].borne_by"),
        (2, {"mode": "own"}, "charges[2].mode"),
        (2, {"borne_by": "buyer"}, "charges[2].borne_by"),
        (3, {"to": "platform"}, "charges[3].to"),
    ],
)
def test_a_charge_that_contradicts_itself_is_refused(row: int, changed: dict[str, str], place: str) -> None:
    document = a_document()
    document["charges"][row] |= changed
    assert (place, FlawKind.CONTRADICTS) in flaws(document)


def test_a_counterparty_that_was_published_stays_and_none_is_called_platform() -> None:
    document = copy.deepcopy(a_document())
    document["counterparties"]["platform"] = {"name": "We", "kind": "outlet"}
    del document["counterparties"]["works"]
    del document["divisions"][1]
    assert flaws(document, a_document()) == {
        ("counterparties.works", FlawKind.IN_USE), ("counterparties.platform", FlawKind.TWICE),
    }  # fmt: skip


def test_rules_of_older_releases_ask_for_no_intake_point() -> None:
    document = a_document()
    document["divisions"] = [one for one in document["divisions"] if not one["intake_point"]]
    for row in (*document["charges"], *document["divisions"]):
        del row["intake_point"]
    taken_in = SaleFacts(SaleMode.OWN, CardType.DINING, "cafe", "shop", "seller", intake_point="corner")
    assert [one.rule for one in rules(document).ruling(taken_in).divisions] == ["rest", "fees"]
