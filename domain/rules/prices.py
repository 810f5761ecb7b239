"""What a card is worth to the platform: decision tables give the rates, and one calculation turns rates into money.

The tables are a policy document (`price_document`); each version is compiled once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any

import zen

from domain.cards.pricing import BreakdownLine, LineKind, Valuation
from domain.money import BASIS_POINTS_PER_ONE, Currency, CurrencyMismatch, Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind
from domain.policies.flaws import Flaw, FlawKind
from domain.rules.brands import Brand, catalogue
from domain.rules.price_document import built_in, graph, schema

MANY = 10**8  # More cards than any stock target.
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

    def __init__(self, found: PolicyDocument) -> None:
        self.rule_set = str(found.document["rule_set"])
        self.version = found.version
        self.service_fee_bp = int(found.document["service_fee_bp"])
        self.stock_targets: Mapping[str, int] = dict(found.document["stock_targets"])
        compiled = zen.ZenDecisionContent(json.dumps(graph(found.document)))
        # A loader that hands out compiled content is the engine's only path that does not compile per call.
        self._engine = zen.ZenEngine({"loader": lambda _key: compiled})

    def rates(self, card: CardToPrice) -> Rates:
        """Return the rows that apply to the card. Raises NoRateFor when a table has none."""
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


def tables_in_force(on: date) -> PriceTables:
    """Return the tables that hold on a day. Raises LookupError when there are none yet."""
    return tables_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=16)
def tables_of(found: PolicyDocument) -> PriceTables:
    """Return one version of the tables, compiled."""
    return PriceTables(found)


def _flaws(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    """Tables must price every brand, whatever its stock and validity, for less than it is worth and sell it for no less."""
    tables = PriceTables(PolicyDocument("prices", 0, "draft", date.min, document))
    for one in catalogue().values():
        for days_left, stock in product((0, 100, 200, 400, None), (0, MANY)):
            card = CardToPrice(one, Money(100_00, one.currency), days_left, stock)
            try:
                rates = tables.rates(card)
            except NoRateFor:
                yield Flaw(f"base.{one.code}", FlawKind.MISSING)
                break
            if not 0 < rates.quote < BASIS_POINTS_PER_ONE or rates.margin < 0:
                yield Flaw(f"base.{one.code}", FlawKind.CONTRADICTS)
                break


KIND = PolicyKind("prices", schema(), built_in, further=_flaws)


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
