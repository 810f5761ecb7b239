"""Limits that decide when a person must look and how long each party has; configuration with dates, never constants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from domain.cards.card import CardType
from domain.money import Money

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
        """Whether a card of this value is bought without a person's look at it."""
        return value.amount_minor <= self.machine_value_minor_max[card_type]

    def key_settles(self, value: Money) -> timedelta:
        """Return how long a card of this CNY value must be in view before a key decides it unseen."""
        grown = self.key_settles_ms + self.key_settles_ms_per_thousand * value.amount_minor // 100_000
        return timedelta(milliseconds=min(grown, self.key_settles_ms_max))


@cache
def limits_in_force(on: date, path: Path = LIMITS) -> Limits:
    """The newest limits whose `effective_from` is not after `on`. Raises LookupError when there are none yet."""
    versions = json.loads(path.read_text(encoding="utf-8"))["limits"]
    begun = [one for one in versions if date.fromisoformat(one["effective_from"]) <= on]
    if not begun:
        raise LookupError(f"no limits are in force on {on}")
    newest = max(begun, key=lambda one: str(one["effective_from"]))
    return Limits(**{name: newest[name] for name in Limits.__dataclass_fields__})
