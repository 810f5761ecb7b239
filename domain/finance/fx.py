"""Foreign money: a rate with its source and moment, and what a change of a position realises. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from domain.money import Money, round_half_up

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


def realised(position: Money, booked: Money, moved: Money, value: Money) -> Money:
    """Return the difference (CNY, a gain is positive) that a change of a position realises.

    `moved` comes to the position, or leaves it where negative; `value` is the CNY that it is exchanged for, with the same sign. What
    closes a part of the position is taken at what that part is booked at, and only what goes beyond nothing opens it at its
    own rate. So a position of nothing is always booked at nothing.
    """
    sign = -1 if position.amount_minor < 0 else 1
    closes = min(abs(position.amount_minor), max(0, -moved.amount_minor * sign))
    beyond = abs(moved.amount_minor) - closes
    left = Money(0)
    if closes < abs(position.amount_minor):
        left = booked - share_of(booked, closes, abs(position.amount_minor))
    opened = share_of(value, beyond, abs(moved.amount_minor))
    return left + opened - booked - value


def share_of(booked: Money, part: int, whole: int) -> Money:
    """Return so much of an amount as a part is of the whole, rounded half up."""
    return Money(round_half_up(Decimal(booked.amount_minor) * part / whole), booked.currency)
