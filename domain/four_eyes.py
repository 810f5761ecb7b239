"""Four eyes: which decisions a second person must look at before they count, and who that person may not be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from domain.money import BASIS_POINTS_PER_ONE
from domain.review import ReviewOutcome


class CheckNeed(StrEnum):
    """Why a decision needs a second pair of eyes."""

    VALUE = "value"  # So much money is not decided alone.
    RISK = "risk"  # Something about the card is suspicious.
    BRAND = "brand"  # Every card of this brand is checked.
    PROBATION = "probation"  # Its maker is new.
    SAMPLE = "sample"  # Drawn, by a rule that nobody can influence.


@dataclass(frozen=True)
class CheckPolicy:
    """One version of the policy. An empty set switches its condition off; money in CNY minor units."""

    version: str
    outcomes: frozenset[ReviewOutcome]
    value_minor_min: int  # From this value on.
    reasons: frozenset[str]  # ReviewReason values.
    brands: frozenset[str]
    probation: bool
    sample_bp: int  # So many of ten thousand tasks.
    sample_seed: str
    blind: bool  # The checker says what they would decide before they see what was decided.


@dataclass(frozen=True)
class Made:
    """A decision as its maker made it. `value_minor` is the most it can cost, CNY minor units."""

    task_id: str
    outcome: ReviewOutcome
    value_minor: int
    brand: str
    reasons: frozenset[str]
    maker_on_probation: bool


def need(made: Made, policy: CheckPolicy) -> CheckNeed | None:
    """The weightiest reason why somebody else must look at it first; None when it may leave."""
    if made.outcome not in policy.outcomes:
        return None
    holds = {
        CheckNeed.VALUE: made.value_minor >= policy.value_minor_min,
        CheckNeed.RISK: bool(made.reasons & policy.reasons),
        CheckNeed.BRAND: made.brand in policy.brands,
        CheckNeed.PROBATION: policy.probation and made.maker_on_probation,
        CheckNeed.SAMPLE: drawn(made.task_id, policy.sample_seed, policy.sample_bp),
    }
    return next((reason for reason, given in holds.items() if given), None)


def drawn(name: str, seed: str, share_bp: int) -> bool:
    """Whether this name is among `share_bp` of ten thousand: the same answer for ever, and none that its maker can turn.

    Names are drawn before anything is decided about them, so that undoing and deciding anew draws nothing anew.
    """
    place = int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8])
    return place % BASIS_POINTS_PER_ONE < share_bp


def apart(makers: frozenset[str], checkers: frozenset[str]) -> bool:
    """Whether nobody stands on both sides: each side is a person with everyone they act for at that moment."""
    return not makers & checkers
