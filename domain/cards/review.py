"""When a person must decide, what they can decide, and by when."""

from __future__ import annotations

from enum import StrEnum


class ReviewReason(StrEnum):
    """Why a card goes to a reviewer."""

    CARD_TYPE = "card_type"  # Dining and regional cards always.
    LOW_CONFIDENCE = "low_confidence"  # A field was read below the limit.
    CONFLICTING_ANSWERS = "conflicting_answers"  # Face value or expiry differ between card, seller and issuer.
    HIGH_VALUE = "high_value"  # Above the amount a machine may buy.
    VELOCITY = (
        "velocity"  # More was committed to this payee, owner, brand or in all than a machine may in an hour or a day.
    )
    SPENDABLE = (
        "spendable"  # Its issuer neither locks nor redeems it, and it is above what a machine pays for such cards.
    )
    FORGED_NUMBER = "forged_number"  # The number breaks its rules, or neighbours were submitted by others.
    ISSUER_UNKNOWN = "issuer_unknown"  # The issuer does not know the card or gave no answer in time.
    WRONG_PIN = "wrong_pin"  # The issuer says the PIN does not belong to the number.
    UNREADABLE = "unreadable"  # Nothing could be read from the photo.
    REJECTED_BEFORE = "rejected_before"  # A card with this number was rejected for cause, by any seller.
    OUTLET_SILENT = "outlet_silent"  # The outlet did not answer in time.
    OPERATIONS = "operations"  # Operations asked for a person, without waiting for a party's answer any longer.


# What a correction settles: the reviewer has looked at the card itself. What a party says of the corrected fields is news.
SETTLED_BY_CORRECTION = frozenset(
    {
        ReviewReason.CARD_TYPE,
        ReviewReason.LOW_CONFIDENCE,
        ReviewReason.UNREADABLE,
        ReviewReason.HIGH_VALUE,
        ReviewReason.VELOCITY,
        ReviewReason.SPENDABLE,
        ReviewReason.OPERATIONS,
    }
)


class ReviewOutcome(StrEnum):
    """What a reviewer can decide."""

    APPROVE = "approve"  # Buy it unchanged.
    APPROVE_CORRECTED = "approve_corrected"  # Buy it with the reviewer's fields; they are verified again.
    REJECT = "reject"  # Do not buy it; needs a reason code.
    ASK_AGAIN = "ask_again"  # Ask the seller for one item again; the rest stays accepted.
    HAND_TO_STORE = "hand_to_store"  # Have a store or partner outlet check the card, then look again.


APPROVALS = frozenset({ReviewOutcome.APPROVE, ReviewOutcome.APPROVE_CORRECTED})


class RejectReason(StrEnum):
    """The reviewer's reason for a rejection; each has a sentence for the seller."""

    FORGED = "forged"  # The card is not genuine.
    DAMAGED = "damaged"  # The card cannot be used.
    ALREADY_USED = "already_used"  # The value is gone.
    NOT_THE_SELLERS = "not_the_sellers"  # Ownership is in doubt.
    WRONG_BRAND = "wrong_brand"  # Another brand than submitted.
    NOT_DECIDED = "not_decided"  # Not decided in time, and the policy rejects it.
    OTHER = "other"  # See the note.


# Rejections that concern the card itself: they apply to its number for any seller.
FOLLOWS_NUMBER = frozenset(
    {
        RejectReason.FORGED,
        RejectReason.DAMAGED,
        RejectReason.ALREADY_USED,
        RejectReason.NOT_THE_SELLERS,
        RejectReason.OTHER,
    }
)


class AskedItem(StrEnum):
    """The one item a seller can be asked for again."""

    PHOTO = "photo"  # A new photograph of the front.
    NUMBER = "number"  # The card number, typed.
    PIN = "pin"  # The PIN, typed.
    EXPIRY = "expiry"  # The expiry date.
