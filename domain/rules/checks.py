"""The four-eyes policy in force: data with dates, like the limits."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path

from domain.four_eyes import CheckPolicy
from domain.review import ReviewOutcome

POLICIES = Path(__file__).with_name("four_eyes.json")


@cache
def check_policy(on: date, path: Path = POLICIES) -> CheckPolicy:
    """The newest policy whose `effective_from` is not after `on`. Raises LookupError when there is none yet."""
    versions = json.loads(path.read_text(encoding="utf-8"))["policies"]
    begun = [one for one in versions if date.fromisoformat(one["effective_from"]) <= on]
    if not begun:
        raise LookupError(f"no four-eyes policy is in force on {on}")
    newest = max(begun, key=lambda one: str(one["effective_from"]))
    return CheckPolicy(
        version=newest["version"],
        outcomes=frozenset(ReviewOutcome(one) for one in newest["outcomes"]),
        value_minor_min=newest["value_minor_min"],
        reasons=frozenset(newest["reasons"]),
        brands=frozenset(newest["brands"]),
        probation=newest["probation"],
        sample_bp=newest["sample_bp"],
        sample_seed=newest["sample_seed"],
        blind=newest["blind"],
    )
