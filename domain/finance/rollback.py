"""A bought card that turns out to be no good: what its seller owes back by policy, and how that is offset. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import BASIS_POINTS_PER_ONE

WORDS_MAX = 1000


class RollbackKind(StrEnum):
    """What became of a card after it was bought."""

    USED = "used"  # A person spent it after its seller was paid.
    FROZEN = "frozen"  # Its issuer froze it.
    CHARGED_BACK = "charged_back"  # Its first purchase was charged back.
    PAID_TWICE = "paid_twice"  # Nothing: its seller was paid twice, and owes the second payment.


# By these a card turns out to be no good: the policy says how much of its price is claimed.
OF_CARDS = (RollbackKind.USED, RollbackKind.FROZEN, RollbackKind.CHARGED_BACK)


class RollbackState(StrEnum):
    """How far a claim against a seller is."""

    PROPOSED = "proposed"  # It waits for a second person.
    DECLINED = "declined"  # The second person said no, or its proposer took it back.
    CLAIMED = "claimed"  # The seller owes it.
    SETTLED = "settled"  # All of it was offset or paid back.
    WRITTEN_OFF = "written_off"  # Two people gave up what was left.
    DROPPED = (
        "dropped"  # The seller objected and was right: the claim is reversed, and what was offset is owed to them.
    )


# A seller owes what is left of these: of one that was given up something is left only where an order that had offset a part
# of it was refused or came back later, or a payment of the seller turned out not to have arrived.
OWED_BACK = frozenset({RollbackState.CLAIMED, RollbackState.WRITTEN_OFF, RollbackState.DROPPED})
# Nothing came of these: the card is as if there had been no claim.
OVER_FOR_NOTHING = frozenset({RollbackState.DECLINED, RollbackState.DROPPED})


@dataclass(frozen=True)
class RollbackRules:
    """One version of the policy. Money in CNY minor units, shares in basis points.

    `share_bp` is the part of the price that is claimed, by kind. Nothing is claimed `within_days` after the payment or
    below `least_minor`. The seller has `objection_days` before anything is offset; of one payment at most `offset_bp` is,
    and it always leaves `leaves_minor`.
    """

    version: str
    share_bp: Mapping[RollbackKind, int]
    within_days: int
    least_minor: int
    objection_days: int
    offset_bp: int
    leaves_minor: int

    def claim_minor(self, kind: RollbackKind, price_minor: int) -> int:
        """Return what is claimed of a price, rounded down in the seller's favour."""
        return price_minor * self.share_bp[kind] // BASIS_POINTS_PER_ONE

    def too_late(self, paid_at: datetime, now: datetime) -> bool:
        """Return whether the time to claim it back is over."""
        return now > paid_at + timedelta(days=self.within_days)

    def offset_max_minor(self, payout_minor: int) -> int:
        """Return the most that may be offset of one payment; never all of it."""
        share = payout_minor * self.offset_bp // BASIS_POINTS_PER_ONE
        return max(0, min(share, payout_minor - self.leaves_minor))


@dataclass(frozen=True)
class Claim:
    """What is left of one claim, and from when on it may be offset."""

    id: str
    left_minor: int
    from_at: datetime
    disputed: bool = False  # The seller objected and has no answer yet.


def offsets(
    rules: RollbackRules, claims: Iterable[Claim], payout_minor: int, now: datetime
) -> tuple[tuple[str, int], ...]:
    """Return what is offset of a payment: claim and minor units, in the order given; nothing that is disputed or not due."""
    room, found = rules.offset_max_minor(payout_minor), []
    for claim in claims:
        taken = min(room, claim.left_minor)
        if taken > 0 and not claim.disputed and claim.from_at <= now:
            found.append((claim.id, taken))
            room -= taken
    return tuple(found)
