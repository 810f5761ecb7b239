"""On what terms counterparties are settled, and how many people agree to a payment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.finance.settlement import Terms
from domain.finance.settlement_periods import PeriodKind
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import CODE, basis_points, money, one_of, record, rows, text, whole, yes_or_no

SETTLEMENT = Path(__file__).with_name("settlement.json")
TERMS_MAX, DAYS_MAX = 50, 60


@dataclass(frozen=True)
class SettlementRules:
    """One version. Payments from `two_people_from_minor` on (minor units of the run's currency) are agreed to by two people."""

    version: str
    two_people_from_minor: int
    terms: Mapping[str, Terms]


KIND = PolicyKind(
    "settlement",
    record(
        two_people_from_minor=money(),
        terms=rows(
            record(
                code=text(40, CODE),
                period=one_of(PeriodKind, "settlement_period"),
                cut_off_days=whole(0, DAYS_MAX, "days"),
                answer_days=whole(1, DAYS_MAX, "days"),
                silence_confirms=yes_or_no(),
                minimum_minor=money(),
                hold_back_bp=basis_points(),
            ),
            "code",
            TERMS_MAX,
        ),
    ),
    lambda: built_in_file("settlement", SETTLEMENT, "settlement"),
)


def settlement_in_force(on: date) -> SettlementRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return settlement_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def settlement_of(found: PolicyDocument) -> SettlementRules:
    """Return one version of the rules."""
    terms = {one["code"]: Terms(**one) for one in found.document["terms"]}
    return SettlementRules(found.version, found.document["two_people_from_minor"], terms)
