"""How repairs run unless they say otherwise, and how many runs one person may repair alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import basis_points, record, whole

REPAIRS = Path(__file__).with_name("repairs.json")
DAY_S = 24 * 3600
RATE_MAX = 10_000


@dataclass(frozen=True)
class RepairRules:
    """One version of the rules. Times in seconds, rates in runs per second, shares in basis points.

    More than `alone_max` runs need a second person. The first `canary` runs are acted on alone and must be proven within
    `canary_wait_s`. A repair stops automatically at `failures_min` failures that are more than `failures_bp` of what was acted
    on, and waits `proof_wait_s` for its last runs to be proven.
    """

    version: str
    alone_max: int
    runs_max: int
    canary: int
    canary_wait_s: int
    rate_per_s: int
    rate_per_s_max: int
    failures_min: int
    failures_bp: int
    proof_wait_s: int


KIND = PolicyKind(
    "repairs",
    record(
        alone_max=whole(0, 100_000),
        runs_max=whole(1, 1_000_000),
        canary=whole(0, 10_000),
        canary_wait_s=whole(1, DAY_S, "s"),
        rate_per_s=whole(1, RATE_MAX),
        rate_per_s_max=whole(1, RATE_MAX),
        failures_min=whole(1, 100_000),
        failures_bp=basis_points(),
        proof_wait_s=whole(1, DAY_S, "s"),
    ),
    lambda: built_in_file("repairs", REPAIRS, "repairs"),
)


def repairs_in_force(on: date) -> RepairRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return repairs_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def repairs_of(found: PolicyDocument) -> RepairRules:
    """Return one version of the rules."""
    return RepairRules(version=found.version, **found.document)
