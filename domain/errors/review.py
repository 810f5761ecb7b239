"""Refusals of decisions and checks: made too early, on an old suggestion, taken back too late, or without the second person."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors.base import Refusal


class NothingToCheck(Refusal):
    """No decision on this task waits for a second look."""

    code = "nothing_to_check"
    http_status = 409


class BlindOutcomeDiffers(Refusal):
    """The checker came to another outcome alone: it is sent back or refused with a reason, not applied."""

    code = "blind_outcome_differs"
    http_status = 409


class CheckMissing(Refusal):
    """The decision needs a second review and has had none."""

    code = "check_missing"
    http_status = 409


class DecidedUnseen(Refusal):
    """A key decided a card too soon to have been seen; it was probably meant for the previous card."""

    code = "decided_unseen"
    http_status = 409


class ReadingDiffers(Refusal):
    """A typed field differs from a confident reading and must be confirmed. `field`, `fields` (names)."""

    code = "reading_differs"
    http_status = 409

    def __init__(self, *, marks: Sequence[str] = (), **data: object) -> None:
        super().__init__(**data)
        self.marks = ",".join(marks)  # What a form sends to confirm the typed values.


class SuggestionChanged(Refusal):
    """What the machine suggests is no longer what the page showed; look again before accepting it."""

    code = "suggestion_changed"
    http_status = 409


class TooLateToUndo(Refusal):
    """The decision has left for the card, or was undone already."""

    code = "too_late_to_undo"
    http_status = 409
