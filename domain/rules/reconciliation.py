"""How statements are matched with our books, and who may adjust how much. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from domain.finance.breaks import Against, BreakKind
from domain.finance.statements import StatementSource
from domain.money import BASIS_POINTS_PER_ONE
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind
from domain.policies.schema import basis_points, money, one_of, record, rows, several, text, whole

RECONCILIATION = Path(__file__).with_name("reconciliation.json")
WINDOW_DAYS_MAX, LATE_HOURS_MAX, ACCOUNTS_MAX = 62, 24 * 90, 20


class FeeHandling(StrEnum):
    """How a provider takes its charge."""

    OWN_LINE = "own_line"  # A line of its own.
    IN_AMOUNT = "in_amount"  # Added to the amount that leaves.


@dataclass(frozen=True)
class SourceRules:
    """The rules of one source.

    A difference up to `tolerance_minor` is posted as rounding automatically, also without a key where there is one candidate.
    Without a key, an amount is matched within `window_days`; so long a payment may take to appear on a statement. A charge is `fee_bp` of the amount, at most
    `fee_max_minor` (0: none). What is open for `late_hours` is late. `accounts` are ours there (none: any).
    """

    source: StatementSource
    accounts: tuple[str, ...]
    tolerance_minor: int
    window_days: int
    fees: FeeHandling
    fee_bp: int
    fee_max_minor: int
    late_hours: int

    @property
    def late_after(self) -> timedelta:
        """How long something may be open before it is late."""
        return timedelta(hours=self.late_hours)

    def fee_of(self, amount_minor: int) -> int:
        """Return what the provider may charge for moving so much, in minor units, rounded half up."""
        share = (abs(amount_minor) * self.fee_bp * 2 + BASIS_POINTS_PER_ONE) // (2 * BASIS_POINTS_PER_ONE)
        return min(share, self.fee_max_minor) if self.fee_max_minor else share


@dataclass(frozen=True)
class ReconciliationRules:
    """One version. One person adjusts up to `alone_max_minor`, and closes a day with up to `close_alone_max_minor` open."""

    version: str
    sources: Mapping[StatementSource, SourceRules]
    alone_max_minor: int
    close_alone_max_minor: int


def _flaws(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    """Every source has its rules once."""
    named = [one["source"] for one in document["sources"]]
    missing = [Flaw("sources", FlawKind.MISSING) for one in StatementSource if one.value not in named]
    twice = [
        Flaw(f"sources[{place}].source", FlawKind.TWICE) for place, one in enumerate(named) if one in named[:place]
    ]
    return missing + twice


KIND = PolicyKind(
    "reconciliation",
    record(
        sources=rows(
            record(
                source=one_of(StatementSource, "statement_source"),
                accounts=several(text(40), ACCOUNTS_MAX),
                tolerance_minor=money(),
                window_days=whole(0, WINDOW_DAYS_MAX, "days"),
                fees=one_of(FeeHandling, "fee_handling"),
                fee_bp=basis_points(1000),
                fee_max_minor=money(),
                late_hours=whole(1, LATE_HOURS_MAX, "hours"),
            ),
            "source",
            len(StatementSource),
        ),
        alone_max_minor=money(),
        close_alone_max_minor=money(),
    ),
    lambda: built_in_file("reconciliation", RECONCILIATION, "reconciliation"),
    further=_flaws,
)


def reconciliation_in_force(on: date) -> ReconciliationRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return reconciliation_of(BOOK.in_force(KIND, on))


def accounts_on(source: StatementSource, day: date) -> tuple[str, ...]:
    """Return our accounts at the source on a day (none: any, or a day before the first rules): one that came later has no statement of it."""
    try:
        return reconciliation_in_force(day).sources[source].accounts
    except LookupError:
        return ()


def posts_itself(
    kind: BreakKind, amount_minor: int, difference_minor: int, ours_minor: int | None, rules: SourceRules
) -> Against | None:
    """Return where the rules post the difference of a line without a person; None: a person decides. Minor units."""
    if kind is BreakKind.FEE_DIFFERENCE:
        fee = -difference_minor if ours_minor is not None else -amount_minor
        agreed = rules.fee_of(ours_minor) if ours_minor is not None else fee + difference_minor
        own = rules.fees is FeeHandling.OWN_LINE and ours_minor is None
        included = rules.fees is FeeHandling.IN_AMOUNT and ours_minor is not None
        return Against.RAIL_FEE if (own or included) and fee == agreed > 0 else None
    small = ours_minor is not None and abs(difference_minor) <= rules.tolerance_minor
    return Against.ROUNDING if small and kind in (BreakKind.AMOUNT_OVER, BreakKind.AMOUNT_UNDER) else None


@lru_cache(maxsize=64)
def reconciliation_of(found: PolicyDocument) -> ReconciliationRules:
    """Return one version of the rules."""
    given = dict(found.document)
    sources = {}
    for one in given.pop("sources"):
        values = {**one, "source": StatementSource(one["source"]), "fees": FeeHandling(one["fees"])}
        sources[values["source"]] = SourceRules(**{**values, "accounts": tuple(one["accounts"])})
    return ReconciliationRules(version=found.version, sources=sources, **given)
