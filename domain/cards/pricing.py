"""A quote: what the seller gets for a card, and the lines that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.money import Money


class LineKind(StrEnum):
    """A line of the breakdown; each has a sentence in both languages."""

    FACE_VALUE = "face_value"  # What the card is worth at its issuer: its verified balance.
    EXCHANGE = "exchange"  # The balance in CNY at the locked rate.
    BASE_RATE = "base_rate"  # The rate of its type and brand.
    POPULARITY = "popularity"
    VALIDITY = "validity"  # Less for little remaining validity.
    DEMAND = "demand"  # Stock against demand.
    QUOTE = "quote"  # What the seller gets.


@dataclass(frozen=True)
class BreakdownLine:
    """One line: basis points and the amount it adds (may be negative)."""

    kind: LineKind
    basis_points: int | None
    amount: Money


@dataclass(frozen=True)
class Valuation:
    """What the rules make of a card. `resale` and `service_fee` are internal: no seller ever sees them."""

    basis: Money  # Verified balance in CNY.
    rate_bp: int
    quote: Money
    resale_rate_bp: int
    resale: Money
    service_fee: Money
    lines: tuple[BreakdownLine, ...]
    rule_set: str
    rule_version: str

    @property
    def spread(self) -> Money:
        """What resale brings above the quote, before the service fee."""
        return self.resale - self.quote


class QuoteState(StrEnum):
    """The state of an offer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    REPLACED = "replaced"  # A later quote took its place before it was answered.
    # Accepted, and before payment the card no longer was what it was quoted for; or operations cancelled the card.
    VOIDED = "voided"
