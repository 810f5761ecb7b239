"""What speaks against a card, gathered for the person who decides: each risk with how much it weighs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.cards.review import ReviewReason

CARDS_A_DAY_MAX = 5  # More from one seller within a day is a trade, not a wardrobe being cleared.


class Severity(StrEnum):
    """How much a risk weighs; the order of the page."""

    HIGH = "high"  # Alone a reason not to buy.
    MEDIUM = "medium"  # Look closely.
    LOW = "low"  # Worth knowing.


class Risk(StrEnum):
    """One thing that speaks against a card."""

    FORGED_NUMBER = "forged_number"  # The number breaks its rules, or is one of a series.
    NEIGHBOURS_OF_OTHERS = "neighbours_of_others"  # Other sellers hold numbers next to this one.
    SAME_PHOTO_OF_OTHERS = "same_photo_of_others"  # Another seller sent the same photo.
    ALIKE_PHOTO_OF_OTHERS = "alike_photo_of_others"  # Another seller sent a photo that looks like it.
    SAME_PHOTO = "same_photo"  # The same seller sent the same photo with another card.
    ALIKE_PHOTO = "alike_photo"  # The same seller sent a photo that looks like it with another card.
    WRONG_PIN = "wrong_pin"  # The issuer says the PIN does not belong to the number.
    REJECTED_BEFORE = "rejected_before"  # A card with this number was rejected for cause.
    CONFLICTING_ANSWERS = "conflicting_answers"  # Card, seller and issuer say different things.
    ISSUER_UNKNOWN = "issuer_unknown"  # The issuer does not know the card.
    BAD_BEFORE = "bad_before"  # Cards of this seller were rejected as forged, used or not theirs.
    MANY_IN_A_DAY = "many_in_a_day"  # The seller submits many cards.
    NEIGHBOURS_OF_SELLER = "neighbours_of_seller"  # The seller has cards in a row, as a company gift leaves them.
    LOW_CONFIDENCE = "low_confidence"  # A field was hard to read.
    HIGH_VALUE = "high_value"  # More money than a machine may spend.
    VELOCITY = "velocity"  # Much was committed in a short time.
    SPENDABLE = "spendable"  # Nothing locks or redeems it: the seller can still spend it after the payment.
    FIRST_CARD = "first_card"  # Nothing is known of the seller.


SEVERITY: dict[Risk, Severity] = {
    Risk.FORGED_NUMBER: Severity.HIGH,
    Risk.NEIGHBOURS_OF_OTHERS: Severity.HIGH,
    Risk.SAME_PHOTO_OF_OTHERS: Severity.HIGH,
    Risk.ALIKE_PHOTO_OF_OTHERS: Severity.HIGH,
    Risk.SAME_PHOTO: Severity.MEDIUM,
    Risk.ALIKE_PHOTO: Severity.MEDIUM,
    Risk.WRONG_PIN: Severity.HIGH,
    Risk.REJECTED_BEFORE: Severity.HIGH,
    Risk.CONFLICTING_ANSWERS: Severity.MEDIUM,
    Risk.ISSUER_UNKNOWN: Severity.MEDIUM,
    Risk.BAD_BEFORE: Severity.HIGH,
    Risk.MANY_IN_A_DAY: Severity.MEDIUM,
    Risk.NEIGHBOURS_OF_SELLER: Severity.LOW,
    Risk.LOW_CONFIDENCE: Severity.LOW,
    Risk.HIGH_VALUE: Severity.LOW,
    Risk.VELOCITY: Severity.MEDIUM,
    Risk.SPENDABLE: Severity.MEDIUM,
    Risk.FIRST_CARD: Severity.LOW,
}
OF_REASONS: dict[ReviewReason, Risk] = {
    ReviewReason.FORGED_NUMBER: Risk.FORGED_NUMBER,
    ReviewReason.WRONG_PIN: Risk.WRONG_PIN,
    ReviewReason.REJECTED_BEFORE: Risk.REJECTED_BEFORE,
    ReviewReason.CONFLICTING_ANSWERS: Risk.CONFLICTING_ANSWERS,
    ReviewReason.ISSUER_UNKNOWN: Risk.ISSUER_UNKNOWN,
    ReviewReason.LOW_CONFIDENCE: Risk.LOW_CONFIDENCE,
    ReviewReason.HIGH_VALUE: Risk.HIGH_VALUE,
    ReviewReason.VELOCITY: Risk.VELOCITY,
}


@dataclass(frozen=True)
class Surroundings:
    """What is known around a card: counts of other cards, and why it is looked at."""

    reasons: tuple[ReviewReason, ...] = ()
    photos_of_others: int = 0
    photos_of_seller: int = 0
    alike_of_others: int = 0
    alike_of_seller: int = 0
    neighbours_of_others: int = 0
    neighbours_of_seller: int = 0
    seller_cards: int = 0
    seller_bad: int = 0
    seller_last_day: int = 0
    spendable: bool = False  # The seller can spend the card after the payment.


@dataclass(frozen=True)
class WeighedRisk:
    """A risk, its weight, and the count that it speaks of (0 when it speaks of none)."""

    risk: Risk
    severity: Severity
    count: int = 0


def risks_of(around: Surroundings) -> tuple[WeighedRisk, ...]:
    """Every risk that holds, the heaviest first."""
    counted = {
        Risk.NEIGHBOURS_OF_OTHERS: around.neighbours_of_others,
        Risk.SAME_PHOTO_OF_OTHERS: around.photos_of_others,
        Risk.ALIKE_PHOTO_OF_OTHERS: around.alike_of_others,
        Risk.SAME_PHOTO: around.photos_of_seller,
        Risk.ALIKE_PHOTO: around.alike_of_seller,
        Risk.BAD_BEFORE: around.seller_bad,
        Risk.MANY_IN_A_DAY: around.seller_last_day if around.seller_last_day >= CARDS_A_DAY_MAX else 0,
        Risk.NEIGHBOURS_OF_SELLER: around.neighbours_of_seller,
    }
    found = {risk: count for risk, count in counted.items() if count}
    found |= {OF_REASONS[reason]: 0 for reason in around.reasons if reason in OF_REASONS}
    if around.spendable:
        found[Risk.SPENDABLE] = 0
    if around.seller_cards == 0:
        found[Risk.FIRST_CARD] = 0
    weights, order = list(Severity), list(Risk)
    weighed = [WeighedRisk(risk, SEVERITY[risk], count) for risk, count in found.items()]
    return tuple(sorted(weighed, key=lambda one: (weights.index(one.severity), order.index(one.risk))))
