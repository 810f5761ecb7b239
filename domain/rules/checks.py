"""The policies of second looks, before and after a decision leaves, and of revealing secrets: data with dates, like the limits."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from domain.cards.review import ReviewOutcome
from domain.quality.sampling import SamplingPolicy
from domain.review.four_eyes import CheckPolicy
from domain.review.reveals import RevealPolicy

FOUR_EYES = Path(__file__).with_name("four_eyes.json")
SAMPLING = Path(__file__).with_name("sampling.json")
REVEALS = Path(__file__).with_name("reveals.json")


@cache
def check_policy(on: date, path: Path = FOUR_EYES) -> CheckPolicy:
    """Which decisions need a second pair of eyes. Raises LookupError when no policy has begun yet."""
    newest = _in_force(on, path)
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
        same_hands_days=newest["same_hands_days"],
        unverified=frozenset(newest.get("unverified", ())),
    )


@cache
def sampling_policy(on: date, path: Path = SAMPLING) -> SamplingPolicy:
    """Which decisions are looked at again afterwards. Raises LookupError when no policy has begun yet."""
    newest = _in_force(on, path)
    return SamplingPolicy(**{name: newest[name] for name in SamplingPolicy.__dataclass_fields__})


@cache
def reveal_policy(on: date, path: Path = REVEALS) -> RevealPolicy:
    """How often secrets are shown, and what is unusual. Raises LookupError when no policy has begun yet."""
    newest = _in_force(on, path)
    return RevealPolicy(**{name: newest[name] for name in RevealPolicy.__dataclass_fields__})


def _in_force(on: date, path: Path) -> dict[str, Any]:
    """The newest policy whose `effective_from` is not after `on`."""
    versions: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["policies"]
    begun = [one for one in versions if date.fromisoformat(one["effective_from"]) <= on]
    if not begun:
        raise LookupError(f"no policy of {path.name} is in force on {on}")
    return max(begun, key=lambda one: str(one["effective_from"]))
