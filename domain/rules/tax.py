"""Tax rules: as what a payment to a seller counts, its proven cost, its rate and what is exempt. Pure.

The base is the proceeds less the proven cost, and nothing where the cost is higher: so for a card that is sold under its
value. No ruling on gift cards is known, so the rules say themselves whether they are verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from domain.cards.card import CardType
from domain.finance.tax import CostBasis, IncomeKind, TaxDuty, TaxedOwner, Withheld
from domain.money import Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind, place
from domain.policies.schema import (
    CODE,
    Schema,
    basis_points,
    money,
    one_of,
    record,
    rows,
    text,
    with_default,
    yes_or_no,
)

TAX = Path(__file__).with_name("tax.json")
RATE_BP_MAX = 5_000
_CONDITIONS = ("owner", "card_type")


class TaxRules:
    """One version of the rules."""

    def __init__(self, found: PolicyDocument) -> None:
        self.version = found.version
        self.unverified = bool(found.document["unverified"])
        self.duty = TaxDuty(found.document["duty"])
        self.invoice = str(found.document["invoice"])
        self.goodwill_taxable = bool(found.document["goodwill_taxable"])  # It is income, and in the reports.
        self._rows: tuple[Mapping[str, Any], ...] = tuple(found.document["kinds"])

    def withheld(self, owner: str, card_type: CardType, proceeds: Money, balance: Money) -> Withheld:
        """Return what is withheld from a payment to `seller:<id>` or `partner:<id>`; `balance` is the card's, in CNY.

        Where the duty is the seller's, base and rate are kept all the same, and the tax is nothing.
        """
        given = {"owner": owner.partition(":")[0], "card_type": card_type.value}
        row = next(one for one in self._rows if all(one[name] in ("", given[name]) for name in _CONDITIONS))
        cost = _cost(row, proceeds, balance)
        base = max(proceeds - cost, Money(0, proceeds.currency))
        ours = self.duty is TaxDuty.PLATFORM and base.amount_minor > row["exempt_to_minor"]
        tax = base.share(row["rate_bp"]) if ours else Money(0, proceeds.currency)
        income = IncomeKind(row["income"])
        return Withheld(row["code"], self.version, income, proceeds, cost, base, row["rate_bp"], tax)


def tax_in_force(on: date) -> TaxRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return tax_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def tax_of(found: PolicyDocument) -> TaxRules:
    """Return one version of the rules."""
    return TaxRules(found)


def _cost(row: Mapping[str, Any], proceeds: Money, balance: Money) -> Money:
    if row["cost"] == CostBasis.SHARE:
        return proceeds.share(row["cost_share_bp"])
    return balance if row["cost"] == CostBasis.BALANCE else Money(0, proceeds.currency)


def _schema() -> Schema:
    kind = record(
        code=text(40, CODE),
        owner={"type": "string", "enum": ["", *(one.value for one in TaxedOwner)], "names": "taxed_owner"},
        card_type={"type": "string", "enum": ["", *(one.value for one in CardType)], "names": "card_type"},
        income=one_of(IncomeKind, "income_kind"),
        rate_bp=basis_points(RATE_BP_MAX),
        cost=one_of(CostBasis, "cost_basis"),
        cost_share_bp=basis_points(),
        exempt_to_minor=money(),
    )
    return record(
        unverified=yes_or_no(),
        duty=one_of(TaxDuty, "tax_duty"),
        invoice=text(80),
        goodwill_taxable=with_default(yes_or_no(), False),
        kinds=rows(kind, row_key="code", ordered=True),
    )


def _flaws(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    """Every payment must find one row, every row some payment, and a share of the cost is given where it counts."""
    given, codes = document["kinds"], set()
    for index, row in enumerate(given):
        if row["code"] in codes:
            yield Flaw(place(("kinds", index, "code")), FlawKind.TWICE)
        codes.add(row["code"])
        if any(all(above[one] in ("", row[one]) for one in _CONDITIONS) for above in given[:index]):
            yield Flaw(place(("kinds", index)), FlawKind.HIDDEN)
        if (row["cost"] == CostBasis.SHARE) != bool(row["cost_share_bp"]):
            yield Flaw(place(("kinds", index, "cost_share_bp")), FlawKind.CONTRADICTS)
    if any(given[-1][one] for one in _CONDITIONS):
        yield Flaw(place(("kinds", len(given) - 1)), FlawKind.NOT_FOR_ALL)


KIND = PolicyKind("tax", _schema(), lambda: built_in_file("tax", TAX, "tax"), further=_flaws)
