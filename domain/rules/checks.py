"""The policies of second reviews, before and after a decision takes effect, and of revealing secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome, ReviewReason
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind
from domain.policies.schema import (
    CODE,
    basis_points,
    money,
    one_of,
    record,
    several,
    text,
    whole,
    yes_or_no,
)
from domain.quality.sampling import SamplingPolicy
from domain.review.four_eyes import CheckPolicy
from domain.review.reveals import RevealPolicy

FOUR_EYES = Path(__file__).with_name("four_eyes.json")
SAMPLING = Path(__file__).with_name("sampling.json")
REVEALS = Path(__file__).with_name("reveals.json")
SEED = "^[a-z0-9-]+$"
_REASONS = several(one_of(ReviewReason, "review_reason"))

CHECKS_KIND = PolicyKind(
    "four-eyes",
    record(
        "",
        ["unverified"],
        outcomes=several(one_of(ReviewOutcome, "review_outcome")),
        value_minor_min=money(),
        unverified=_REASONS,
        reasons=_REASONS,
        brands=several(text(40, CODE)),
        probation=yes_or_no(),
        sample_bp=basis_points(),
        sample_seed=text(40, SEED),
        blind=yes_or_no(),
        same_hands_days=whole(1, 365, "days"),
    ),
    lambda: built_in_file("four-eyes", FOUR_EYES, "policies"),
)


def _sampling_flaws(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    if document["day_in"] not in available_timezones():
        yield Flaw("day_in", FlawKind.NOT_A_ZONE)


SAMPLING_KIND = PolicyKind(
    "sampling",
    record(
        seed=text(40, SEED),
        share_bp=record("card_type", **{one.value: basis_points() for one in CardType}),
        per_day_max=whole(0, 100_000),
        day_in=text(60),
    ),
    lambda: built_in_file("sampling", SAMPLING, "policies"),
    further=_sampling_flaws,
)
REVEALS_KIND = PolicyKind(
    "reveals",
    record(per_hour_max=whole(0, 1000), shown_alert_at=whole(1, 1000), refused_alert_at=whole(1, 1000)),
    lambda: built_in_file("reveals", REVEALS, "policies"),
)


def check_policy(on: date) -> CheckPolicy:
    """Return which decisions need a second reviewer. Raises LookupError when no policy has begun yet."""
    return checks_of(BOOK.in_force(CHECKS_KIND, on))


def sampling_policy(on: date) -> SamplingPolicy:
    """Return which decisions are reviewed again afterwards. Raises LookupError when no policy has begun yet."""
    return sampling_of(BOOK.in_force(SAMPLING_KIND, on))


def reveal_policy(on: date) -> RevealPolicy:
    """Return how often secrets are shown, and what is unusual. Raises LookupError when no policy has begun yet."""
    return reveals_of(BOOK.in_force(REVEALS_KIND, on))


@lru_cache(maxsize=64)
def checks_of(found: PolicyDocument) -> CheckPolicy:
    """Return one version of the four-eyes policy."""
    values = found.document
    sets: dict[str, Any] = {name: frozenset(values.get(name, ())) for name in ("reasons", "brands", "unverified")}
    outcomes = frozenset(ReviewOutcome(one) for one in values["outcomes"])
    rest: dict[str, Any] = {name: value for name, value in values.items() if name not in (*sets, "outcomes")}
    return CheckPolicy(version=found.version, outcomes=outcomes, **sets, **rest)


@lru_cache(maxsize=64)
def sampling_of(found: PolicyDocument) -> SamplingPolicy:
    """Return one version of the sampling policy."""
    return SamplingPolicy(version=found.version, **found.document)


@lru_cache(maxsize=64)
def reveals_of(found: PolicyDocument) -> RevealPolicy:
    """Return one version of the reveal policy."""
    return RevealPolicy(version=found.version, **found.document)
