"""Foreign money: a rate with its source and moment, and what a part of a position is booked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from domain.money import Currency, Money, round_half_up

RATE_MAX = Decimal(10_000)
RATE_PLACES = 10
SOURCE_MAX = 80


@dataclass(frozen=True)
class Rate:
    """CNY for one unit of a currency, as its source gave it at a moment."""

    text: str
    source: str
    at: datetime

    @property
    def value(self) -> Decimal:
        """Return the rate as a number."""
        return Decimal(self.text)


def rate_of(text: str) -> str:
    """Return a typed rate as it is kept. Raises ValueError for what is no positive decimal of at most ten places."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError("a rate is a decimal") from None
    exponent = value.as_tuple().exponent
    if not value.is_finite() or not 0 < value <= RATE_MAX or not isinstance(exponent, int) or -exponent > RATE_PLACES:
        raise ValueError("a rate is positive, at most 10000, with at most ten places")
    return f"{value:f}"


def booked_at(position: Money, booked: Money, part: Money) -> Money:
    """Return what a part of a position is booked at: the same share of its CNY as of its currency, rounded half up.

    Raises ValueError for a part that is more than the position.
    """
    if not 0 < abs(part.amount_minor) <= abs(position.amount_minor):
        raise ValueError("a part is at most the position")
    share = Decimal(abs(part.amount_minor)) / Decimal(abs(position.amount_minor))
    return Money(round_half_up(abs(booked.amount_minor) * share), Currency.CNY)
