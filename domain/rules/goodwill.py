"""How much goodwill may be proposed, to whom, and who must agree. Pure."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import money, record, whole
from domain.support.goodwill import GoodwillRules

GOODWILL = Path(__file__).with_name("goodwill.json")
DAYS_MAX = 3660

KIND = PolicyKind(
    "goodwill",
    record(
        agent_max_minor=money(),
        lead_max_minor=money(),
        seller_max_minor=money(),
        seller_days=whole(1, DAYS_MAX),
        finance_from_minor=money(),
    ),
    lambda: built_in_file("goodwill", GOODWILL, "goodwill"),
)


def goodwill_in_force(on: date) -> GoodwillRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return goodwill_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def goodwill_of(found: PolicyDocument) -> GoodwillRules:
    """Return one version of the rules."""
    return GoodwillRules(version=found.version, **found.document)
