"""What a seller owes back for a card that was no good, and how much of a later payment may be offset. Pure."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.finance.rollback import OF_CARDS, RollbackKind, RollbackRules
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import basis_points, money, record, whole

ROLLBACK = Path(__file__).with_name("rollback.json")
DAYS_MAX = 3660

KIND = PolicyKind(
    "rollback",
    record(
        share_bp=record("rollback_kind", **{kind.value: basis_points() for kind in OF_CARDS}),
        within_days=whole(1, DAYS_MAX, "days"),
        least_minor=money(1),
        objection_days=whole(0, 90, "days"),
        offset_bp=basis_points(),
        leaves_minor=money(1),
    ),
    lambda: built_in_file("rollback", ROLLBACK, "rollback"),
)


def rollback_in_force(on: date) -> RollbackRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return rollback_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def rollback_of(found: PolicyDocument) -> RollbackRules:
    """Return one version of the rules."""
    given = dict(found.document)
    shares = {RollbackKind(kind): share for kind, share in given.pop("share_bp").items()}
    return RollbackRules(version=found.version, share_bp=shares, **given)
