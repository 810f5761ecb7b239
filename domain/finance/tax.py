"""Tax that is withheld from what a seller is paid. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.money import Money


class TaxedOwner(StrEnum):
    """Who is paid, as a condition of a row."""

    SELLER = "seller"  # A private person.
    PARTNER = "partner"  # A business.


class IncomeKind(StrEnum):
    """As what a payment counts for the tax office."""

    PROPERTY = "property"  # Income from the transfer of property.
    LABOUR = "labour"  # Remuneration for services.
    BUSINESS = "business"  # Income of a business, which declares it itself.
    INCIDENTAL = "incidental"  # What was given without anything in return.


class TaxFileKind(StrEnum):
    """What a file for the tax office or a seller is."""

    DETAIL = "detail"  # The payments of a month.
    INCOME = "income"  # Each seller's income of a quarter.
    CERTIFICATE = "certificate"  # One seller's year.


class TaxDuty(StrEnum):
    """Who owes the tax office the tax."""

    PLATFORM = "platform"  # We withhold it and pay it.
    SELLER = "seller"  # The seller declares it; we report what they were paid.


class CostBasis(StrEnum):
    """What counts as the proven cost of a card."""

    BALANCE = "balance"  # Its verified balance in CNY: what was once paid for what is left on it.
    SHARE = "share"  # A share of the proceeds.
    NOTHING = "nothing"  # No cost is recognised.


@dataclass(frozen=True)
class Withheld:
    """What is withheld from one payment and by which row of which version; all in CNY."""

    rule: str
    version: str
    income: IncomeKind
    proceeds: Money
    cost: Money
    base: Money
    rate_bp: int
    tax: Money

    @property
    def net(self) -> Money:
        """Return what is paid out."""
        return self.proceeds - self.tax
