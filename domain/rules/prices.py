"""What a card is worth to the platform: decision tables give the rates, and one calculation turns rates into money.

The tables are JDM files beside this module, editable without a release; a set is in force from its date on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import zen

from domain.cards.pricing import BreakdownLine, LineKind, Valuation
from domain.money import BASIS_POINTS_PER_ONE, Currency, CurrencyMismatch, Money
from domain.rules.brands import Brand

PRICING = Path(__file__).with_name("pricing")
DAYS_WITHOUT_EXPIRY = 36_500  # A card that never expires is priced as one that lasts a hundred years.


class NoRateFor(LookupError):
    """The tables in force have no row for this card: a fault of the tables, not of the card."""


@dataclass(frozen=True)
class CardToPrice:
    """What a price depends on. `rate` is CNY for one unit of the balance's currency, None for CNY cards;
    `stock` counts cards of the brand that were bought and are live in the last 30 days."""

    brand: Brand
    balance: Money
    days_left: int | None
    stock: int
    rate: Decimal | None = None


@dataclass(frozen=True)
class Rates:
    """What the tables answer, each in basis points of the balance."""

    base: int
    popularity: int
    validity: int
    demand: int
    margin: int

    @property
    def quote(self) -> int:
        """The seller's share of the balance."""
        return self.base + self.popularity + self.validity + self.demand


class PriceTables:
    """One version of the decision tables, compiled once; `value` may be called from any thread."""

    def __init__(self, described: Mapping[str, Any], folder: Path = PRICING) -> None:
        self.rule_set = str(described["rule_set"])
        self.version = str(described["version"])
        self.service_fee_bp = int(described["service_fee_bp"])
        self.stock_targets: Mapping[str, int] = dict(described["stock_targets"])
        compiled = zen.ZenDecisionContent((folder / str(described["table"])).read_text(encoding="utf-8"))
        # A loader that hands out compiled content is the engine's only path that does not compile per call.
        self._engine = zen.ZenEngine({"loader": lambda _key: compiled})

    def rates(self, card: CardToPrice) -> Rates:
        """The rows that apply to the card. Raises NoRateFor when a table has none."""
        found = self._engine.evaluate(self.version, self._question(card))["result"]
        try:
            return Rates(**{name: int(found[f"{name}_bp"]) for name in Rates.__dataclass_fields__})
        except KeyError as missing:
            raise NoRateFor(f"{self.version} has no {missing} for {card.brand.code}") from missing

    def value(self, card: CardToPrice) -> Valuation:
        """Quote, resale and the lines that explain the quote; the lines after the basis sum to the quote.

        Raises CurrencyMismatch for a foreign balance without a rate and for one that is not in the brand's currency,
        whose rate would be another's; NoRateFor when a table has no row.
        """
        if card.balance.currency is not card.brand.currency:
            raise CurrencyMismatch("the balance is not in the brand's currency")
        if card.rate is None and card.balance.currency is not Currency.CNY:
            raise CurrencyMismatch("a foreign balance needs a locked rate")
        rates = self.rates(card)
        basis = card.balance if card.rate is None else card.balance.converted(card.rate, Currency.CNY)
        resale_bp = rates.quote + rates.margin
        resale = basis.share(resale_bp)
        return Valuation(
            basis=basis,
            rate_bp=rates.quote,
            quote=basis.share(rates.quote),
            resale_rate_bp=resale_bp,
            resale=resale,
            service_fee=resale.share(self.service_fee_bp),
            lines=_lines(card, basis, rates),
            rule_set=self.rule_set,
            rule_version=self.version,
        )

    def stock_bp(self, brand: str, stock: int) -> int:
        """Stock in basis points of its target; a brand without a target counts as just right."""
        target = self.stock_targets.get(brand, 0)
        return stock * BASIS_POINTS_PER_ONE // target if target else BASIS_POINTS_PER_ONE

    def _question(self, card: CardToPrice) -> dict[str, Any]:
        return {
            "card_type": card.brand.card_type.value,
            "brand": card.brand.code,
            "popularity": card.brand.popularity,
            "days_left": DAYS_WITHOUT_EXPIRY if card.days_left is None else card.days_left,
            "stock_bp": self.stock_bp(card.brand.code, card.stock),
        }


@cache
def tables_in_force(on: date, folder: Path = PRICING) -> PriceTables:
    """The newest set whose `effective_from` is not after `on`. Raises LookupError when there is none yet."""
    sets = json.loads((folder / "sets.json").read_text(encoding="utf-8"))["sets"]
    begun = [one for one in sets if date.fromisoformat(one["effective_from"]) <= on]
    if not begun:
        raise LookupError(f"no price tables are in force on {on}")
    return PriceTables(max(begun, key=lambda one: str(one["effective_from"])), folder)


def _lines(card: CardToPrice, basis: Money, rates: Rates) -> tuple[BreakdownLine, ...]:
    """Each adjustment is the difference it makes to the rounded amount, so that the lines add up to the fen."""
    worth = [BreakdownLine(LineKind.FACE_VALUE, None, card.balance)]
    if card.rate is not None:
        worth.append(BreakdownLine(LineKind.EXCHANGE, None, basis))
    steps = (
        (LineKind.BASE_RATE, rates.base),
        (LineKind.POPULARITY, rates.popularity),
        (LineKind.VALIDITY, rates.validity),
        (LineKind.DEMAND, rates.demand),
    )
    reached = 0
    for kind, basis_points in steps:
        difference = basis.share(reached + basis_points) - basis.share(reached)
        worth.append(BreakdownLine(kind, basis_points, difference))
        reached += basis_points
    return (*worth, BreakdownLine(LineKind.QUOTE, reached, basis.share(reached)))
