"""Four eyes: which decisions a second person must look at before they count, and who that person may not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.cards.review import ReviewOutcome
from domain.money import BASIS_POINTS_PER_ONE
from domain.sealing import KeyRing

# A face value entered for a card in another currency has no rate yet; the highest possible rate is assumed.
CNY_PER_UNIT_MAX = 10


class CheckNeed(StrEnum):
    """Why a decision needs a second review."""

    VALUE = "value"  # So much money is not decided alone.
    RISK = "risk"  # Something about the card is suspicious.
    BRAND = "brand"  # Every card of this brand is checked.
    PROBATION = "probation"  # Its maker is new.
    UNVERIFIED = "unverified"  # No party has confirmed the card, or one contradicts it.
    SAMPLE = "sample"  # Sampled, by a rule that cannot be influenced.
    APPEAL = "appeal"  # It takes the place of a decision that a customer appealed against.


@dataclass(frozen=True)
class CheckPolicy:
    """One version of the policy. An empty set switches its condition off; money in CNY minor units."""

    version: str
    outcomes: frozenset[ReviewOutcome]
    value_minor_min: int  # From this face value on.
    reasons: frozenset[str]  # ReviewReason values.
    brands: frozenset[str]
    probation: bool
    sample_bp: int  # So many of ten thousand tasks.
    sample_seed: str
    blind: bool  # The checker says what they would decide before they see what was decided.
    same_hands_days: int  # Made, invited, reset or given a role by one person within so many days, two count as one.
    unverified: frozenset[str] = frozenset()  # ReviewReason values that say so; they count for an uncorrected approval.


@dataclass(frozen=True)
class ProposedDecision:
    """A decision as its maker made it.

    `value_minor` is the card's face value, or the most that it can cost where that is more; CNY minor units. `lot` is
    the card's lot in the policy's draw.
    """

    lot: str
    outcome: ReviewOutcome
    value_minor: int
    brand: str
    reasons: frozenset[str]
    maker_on_probation: bool


def need(made: ProposedDecision, policy: CheckPolicy) -> CheckNeed | None:
    """Return the weightiest reason for a second review before the decision takes effect; None if none is needed."""
    if made.outcome not in policy.outcomes:
        return None
    holds = {
        CheckNeed.VALUE: made.value_minor >= policy.value_minor_min,
        CheckNeed.RISK: bool(made.reasons & policy.reasons),
        # A correction is verified again before anything is bought, so only an unchanged approval relies on this.
        CheckNeed.UNVERIFIED: made.outcome is ReviewOutcome.APPROVE and bool(made.reasons & policy.unverified),
        CheckNeed.BRAND: made.brand in policy.brands,
        CheckNeed.PROBATION: policy.probation and made.maker_on_probation,
        CheckNeed.SAMPLE: drawn(made.lot, policy.sample_bp),
    }
    return next((reason for reason, given in holds.items() if given), None)


def drawn(lot: str, share_bp: int) -> bool:
    """Return whether this lot is among `share_bp` of ten thousand.

    `lot` is a keyed hash of the card (hex, at least 16 digits; `lot_of`). The card and the key are fixed before a person
    decides, so undoing a decision changes nothing, and the draw cannot be foreseen without the key.
    """
    return int(lot[:16], 16) % BASIS_POINTS_PER_ONE < share_bp


def lot_of(keyring: KeyRing, card_id: str, seed: str) -> str:
    """Return the card's lot in the draw that the policy's `seed` names; each draw of a card is independent."""
    return keyring.index(card_id, purpose=f"sample:{seed}")


def apart(
    makers: frozenset[str], checkers: frozenset[str], handled_by: Mapping[str, frozenset[str]] | None = None
) -> bool:
    """Return whether no person is on both sides: each side is a person with everyone they act for at that moment.

    `handled_by` names, for each person of either side, who made, invited or reset their account or gave them a role within
    the policy's days: such a person counts as part of that side, so that one administrator with two accounts is one person.
    """
    known = handled_by or {}
    return not _hands(makers, known) & _hands(checkers, known)


def _hands(side: frozenset[str], handled_by: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return side.union(*(handled_by.get(one, frozenset()) for one in side))
