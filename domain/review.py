"""When a person must decide, what they can decide, and by when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


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
    REJECTED_BEFORE = "rejected_before"  # A card with this number was rejected for cause, whoever handed it in.
    OUTLET_SILENT = "outlet_silent"  # The outlet did not answer in time.


# What a correction settles: the reviewer has looked at the card itself. What a party says of the corrected fields is news.
SETTLED_BY_CORRECTION = frozenset(
    {
        ReviewReason.CARD_TYPE,
        ReviewReason.LOW_CONFIDENCE,
        ReviewReason.UNREADABLE,
        ReviewReason.HIGH_VALUE,
        ReviewReason.VELOCITY,
        ReviewReason.SPENDABLE,
    }
)


class ReviewOutcome(StrEnum):
    """What a reviewer can decide."""

    APPROVE = "approve"  # Buy it as it stands.
    APPROVE_CORRECTED = "approve_corrected"  # Buy it with the reviewer's fields; they are verified again.
    REJECT = "reject"  # Do not buy it; needs a reason code.
    ASK_AGAIN = "ask_again"  # Ask the seller for one item again; the rest stays accepted.
    HAND_TO_STORE = "hand_to_store"  # Have a store or partner outlet check the card, then look again.


class RejectReason(StrEnum):
    """The reviewer's reason for a rejection; each has a sentence for the seller."""

    FORGED = "forged"  # The card is not genuine.
    DAMAGED = "damaged"  # The card cannot be used.
    ALREADY_USED = "already_used"  # The value is gone.
    NOT_THE_SELLERS = "not_the_sellers"  # Ownership is in doubt.
    WRONG_BRAND = "wrong_brand"  # Another brand than submitted.
    NOT_DECIDED = "not_decided"  # Nobody could decide in time, and the policy says to let it go.
    OTHER = "other"  # See the note.


# Rejections that say something of the card itself, so that they follow its number to whoever hands it in next.
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


class Alarm(StrEnum):
    """What an SLA timer announces."""

    WARNING = "warning"  # The task will be late soon.
    BREACH = "breach"  # The task is late; it is escalated.


class Priority(StrEnum):
    """How urgent a task is beyond its place in the queue; it chooses the deadline policy."""

    NORMAL = "normal"  # As it comes.
    HIGH = "high"  # Sooner than its value alone would make it.
    URGENT = "urgent"  # Before everything of its band.


class TaskPhase(StrEnum):
    """Which pair of eyes a task waits for."""

    REVIEW = "review"  # Somebody decides.
    CHECK = "check"  # Somebody decided; somebody else applies, returns or refuses it.


class Band(IntEnum):
    """The coarse order of the queue; a lower band comes first."""

    ESCALATED = 0  # A senior's, before all others.
    ABOUT_TO_BREACH = 1  # Warned of, or late.
    CAME_BACK = 2  # Seen before: its story is fresh, and somebody waits for the second answer.
    ORDINARY = 3  # By value and age.


class CameBack(StrEnum):
    """Why a task is in the queue again."""

    SNOOZE_OVER = "snooze_over"  # Its snooze has ended.
    RETURNED = "returned"  # The checker sent it back to its maker.
    REFUSED = "refused"  # The checker refused it: somebody else decides anew.
    ITEM_SENT = "item_sent"  # The seller sent the item they were asked for.
    STORE_ANSWERED = "store_answered"  # The store or outlet has checked the card.
    UNDONE = "undone"  # Its decision was undone before it left.
    UNDELIVERED = "undelivered"  # Its card would not take the decision, and a senior put the task back.


class CheckVerdict(StrEnum):
    """What the second pair of eyes does with a staged outcome."""

    APPLY = "apply"  # It stands.
    RETURN = "return"  # Back to its maker, with a reason.
    REFUSE = "refuse"  # It falls; a third person, a senior, decides anew.


@dataclass(frozen=True)
class Deadlines:
    """A review task's clock, in whole seconds from its opening."""

    warn_after_s: int
    due_after_s: int
