"""Limits that decide when a person must look and how long each party has; configuration with dates, never constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

from domain.cards.card import CardType
from domain.money import Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import basis_points, money, record, whole

LIMITS = Path(__file__).with_name("limits.json")


@dataclass(frozen=True)
class Limits:
    """One version of the limits; money in CNY minor units, spans in whole seconds."""

    version: str
    confidence_bp_min: int
    contradiction_bp_min: int  # A reading at least this sure contradicts what the seller typed otherwise.
    machine_value_minor_max: Mapping[str, int]
    neighbours_max: int
    quote_lasts_s: Mapping[str, int]
    outlet_answers_within_s: int
    silent_issuer_holds_s: int  # From acceptance: so long a silent issuer holds the payment of a card that people approved without its word.
    rate_lock_lasts_s: int
    code_tries_max: int  # Over all codes of one card.
    review_lease_s: int
    decision_undo_s: int  # A reviewer's decision can be undone for so long before it leaves for the card.
    key_settles_ms: (
        int  # How long a card must be visible before a key can decide it, unless the person interacts with its page.
    )
    key_settles_ms_per_thousand: int  # And so much longer for each thousand of its value.
    key_settles_ms_max: int

    def machine_may_buy(self, card_type: CardType, value: Money) -> bool:
        """Return whether a card of this value is bought without a person's look at it."""
        return value.amount_minor <= self.machine_value_minor_max[card_type]

    def key_settles(self, value: Money) -> timedelta:
        """Return how long a card of this CNY value must be in view before a key decides it unseen."""
        grown = self.key_settles_ms + self.key_settles_ms_per_thousand * value.amount_minor // 100_000
        return timedelta(milliseconds=min(grown, self.key_settles_ms_max))


_TYPES = {one.value: one for one in CardType}
KIND = PolicyKind(
    "limits",
    record(
        confidence_bp_min=basis_points(),
        contradiction_bp_min=basis_points(),
        machine_value_minor_max=record("card_type", **dict.fromkeys(_TYPES, money())),
        neighbours_max=whole(0, 1000),
        quote_lasts_s=record("card_type", **dict.fromkeys(_TYPES, whole(60, 30 * 86_400, "s"))),
        outlet_answers_within_s=whole(60, 30 * 86_400, "s"),
        silent_issuer_holds_s=whole(0, 7 * 86_400, "s"),
        rate_lock_lasts_s=whole(60, 30 * 86_400, "s"),
        code_tries_max=whole(1, 20),
        review_lease_s=whole(60, 86_400, "s"),
        decision_undo_s=whole(0, 300, "s"),
        key_settles_ms=whole(0, 60_000, "ms"),
        key_settles_ms_per_thousand=whole(0, 60_000, "ms"),
        key_settles_ms_max=whole(0, 60_000, "ms"),
    ),
    lambda: built_in_file("limits", LIMITS, "limits"),
)


def limits_in_force(on: date) -> Limits:
    """Return the limits that hold on a day. Raises LookupError when there are none yet."""
    return limits_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def limits_of(found: PolicyDocument) -> Limits:
    """Return one version of the limits."""
    return Limits(version=found.version, **found.document)
