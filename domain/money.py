"""Money as every layer knows it: an integer count of minor units and a currency, and one way to round."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from domain.typed import plain_amount

BASIS_POINTS_PER_ONE = 10_000
# Digits of any script, as a Chinese keyboard types them full-width; no exponent, and not more than is kept exactly.
_WRITTEN = re.compile(r"-?\d{1,15}(\.\d{0,10})?")


class Currency(StrEnum):
    """ISO 4217 codes the platform buys in or pays in."""

    CNY = "CNY"  # Chinese yuan; the currency of every payout.
    USD = "USD"  # US dollar; face value of some cross-border cards.
    JPY = "JPY"  # Japanese yen, which has no smaller unit.
    KWD = "KWD"  # Kuwaiti dinar, of 1,000 fils.


MINOR_DIGITS = {Currency.CNY: 2, Currency.USD: 2, Currency.JPY: 0, Currency.KWD: 3}
SYMBOLS = {Currency.CNY: "¥", Currency.USD: "$", Currency.JPY: "JP¥", Currency.KWD: "KD "}


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one calculation."""


def round_half_up(amount: Decimal) -> int:
    """Whole minor units nearest to `amount`, a half away from zero. The only rounding of money in the product."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, order=True)
class Money:
    """An amount in minor units (fen, cents) of one currency; may be negative in a posting."""

    amount_minor: int
    currency: Currency = Currency.CNY

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def share(self, basis_points: int) -> Money:
        """This amount times `basis_points` / 10,000, rounded half up."""
        return Money(round_half_up(Decimal(self.amount_minor) * basis_points / BASIS_POINTS_PER_ONE), self.currency)

    def converted(self, rate: Decimal, to: Currency) -> Money:
        """This amount at `rate` units of `to` for one unit of its own currency, rounded half up."""
        major = Decimal(self.amount_minor).scaleb(-MINOR_DIGITS[self.currency])
        return Money(round_half_up((major * rate).scaleb(MINOR_DIGITS[to])), to)

    def decimal_text(self) -> str:
        """`465.00`: major units with the currency's own number of decimals, as payment systems write it."""
        return f"{Decimal(self.amount_minor).scaleb(-MINOR_DIGITS[self.currency]):.{MINOR_DIGITS[self.currency]}f}"

    def __str__(self) -> str:
        digits = MINOR_DIGITS[self.currency]
        sign = "-" if self.amount_minor < 0 else ""
        return f"{sign}{SYMBOLS[self.currency]}{Decimal(abs(self.amount_minor)).scaleb(-digits):,.{digits}f}"

    @classmethod
    def from_decimal_text(cls, text: str, currency: Currency = Currency.CNY) -> Money:
        """Reads `465.00` exactly. Raises ValueError when it is no number or finer than a minor unit."""
        if not _WRITTEN.fullmatch(text):
            raise ValueError("an amount is written as 465.00")
        minor = Decimal(text).scaleb(MINOR_DIGITS[currency])
        if minor != minor.to_integral_value():
            raise ValueError("an amount has no fractions of its smallest unit")
        return cls(int(minor), currency)

    @classmethod
    def typed(cls, written: str, currency: Currency = Currency.CNY) -> Money:
        """Read an amount as a person types it: `465`, `1,234.50`, `￥１，２３４．５０ 元`. The one rule of every form.

        Raises ValueError for a comma that parts no thousands (`1,23`, `1.234,50`), for `-0`, and for what is no amount.
        """
        text = plain_amount(written)
        amount = cls.from_decimal_text(text, currency)
        if text.startswith("-") and not amount.amount_minor:
            raise ValueError("nothing has no sign")
        return amount

    def _same(self, other: Money) -> None:
        if self.currency is not other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} are not added without a rate")
