"""A piece of work at a desk: how urgent it is, which phase it is in, its place in the queue, and why it came back."""

from __future__ import annotations

from enum import IntEnum, StrEnum


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
    """Whether a task awaits its first or its second reviewer."""

    REVIEW = "review"  # Waiting for a decision.
    CHECK = "check"  # Decided; another person applies, returns or rejects it.


class Band(IntEnum):
    """The coarse order of the queue; a lower band comes first."""

    ESCALATED = 0  # A senior's, before all others.
    ABOUT_TO_BREACH = 1  # Warned of, or late.
    CAME_BACK = 2  # Seen before: its history is fresh, and the seller waits for the second answer.
    ORDINARY = 3  # By value and age.
    WAITING = 4  # Another desk or the customer is to act: given out by name alone, never as the next.


class CameBack(StrEnum):
    """Why a task is in the queue again."""

    SNOOZE_OVER = "snooze_over"  # Its snooze has ended.
    RETURNED = "returned"  # The checker sent it back to its maker.
    REFUSED = "refused"  # The checker rejected it: another person decides again.
    ITEM_SENT = "item_sent"  # The seller sent the item they were asked for.
    STORE_ANSWERED = "store_answered"  # The store or outlet has checked the card.
    UNDONE = "undone"  # Its decision was undone before it left.
    ANSWERED_INSIDE = "answered_inside"  # The desk that was asked has answered.
    REVERSED = "reversed"  # Two people of finance reversed what was decided.
    UNDELIVERED = "undelivered"  # Its card would not take the decision, and a senior put the task back.


class CheckVerdict(StrEnum):
    """What the second reviewer does with a staged outcome."""

    APPLY = "apply"  # The decision takes effect.
    RETURN = "return"  # Back to its maker, with a reason.
    REFUSE = "refuse"  # The decision becomes void; a third person, a senior, decides again.
