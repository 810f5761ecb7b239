"""On which rail payments leave, how much may, and which of them a person looks at first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from domain.finance.rails import Rail
from domain.finance.routing import RailRules, RoutingRules
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind, place
from domain.policies.schema import basis_points, money, one_of, record, rows, whole, yes_or_no

ROUTING = Path(__file__).with_name("payout_routing.json")
HOURS_MAX, DAYS_MAX, MINUTES_MAX = 30 * 24, 3660, 7 * 24 * 60


def _further(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    """A limit of a longer time that is below that of a shorter one can never be meant."""
    names = ("transfer_max_minor", "seller_day_max_minor", "day_max_minor", "month_max_minor")
    for number, rail in enumerate(document["rails"]):
        for shorter, longer in pairwise(names):
            if rail[longer] < rail[shorter]:
                yield Flaw(place(("rails", number, longer)), FlawKind.CONTRADICTS)


KIND = PolicyKind(
    "payout-routing",
    record(
        rails=rows(
            record(
                rail=one_of(Rail, "rail"),
                enabled=yes_or_no(),
                transfer_max_minor=money(1),
                seller_day_max_minor=money(1),
                day_max_minor=money(1),
                month_max_minor=money(1),
                cost_bp=basis_points(),
                cost_min_minor=money(),
            ),
            "rail",
            len(Rail),
            ordered=True,
        ),
        other_name_waits=yes_or_no(),
        unverified_from_minor=money(),
        change_cools_from_minor=money(),
        change_cools_hours=whole(0, HOURS_MAX),
        new_payee_from_minor=money(),
        fail_over=yes_or_no(),
        fail_over_days=whole(1, DAYS_MAX, "days"),
        stated_after_minutes=whole(1, MINUTES_MAX, "min"),
    ),
    lambda: built_in_file("payout-routing", ROUTING, "payout-routing"),
    further=_further,
)


def routing_in_force(on: date) -> RoutingRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return routing_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def routing_of(found: PolicyDocument) -> RoutingRules:
    """Return one version of the rules."""
    given = dict(found.document)
    rails = tuple(RailRules(**{**one, "rail": Rail(one["rail"])}) for one in given.pop("rails"))
    return RoutingRules(version=found.version, rails=rails, **given)
