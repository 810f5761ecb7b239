"""What people of the console are told of."""

from __future__ import annotations

from enum import StrEnum


class NoticeKind(StrEnum):
    """The kinds of news."""

    ASSIGNED = "assigned"  # A task was given to them.
    CAME_BACK = "came_back"  # A task they snoozed is in the queue again.
    TAKEN_OVER = "taken_over"  # A task was taken out of their hand.
    WARNING = "warning"  # A task will be late soon.
    BREACH = "breach"  # A task is late.
    CHAIN = "chain"  # It has been late for so long that they are told too.
    MENTIONED = "mentioned"  # Somebody wrote to them in a comment.
    RETURNED = "returned"  # A checker sent their outcome back.
    REFUSED = "refused"  # A checker let their outcome fall.
    OVERTURNED = "overturned"  # A second review and a senior came to another outcome than theirs.
    UPHELD = "upheld"  # A senior found their outcome right after a difference.
    STAND_IN = "stand_in"  # They stand in for somebody from now on.
