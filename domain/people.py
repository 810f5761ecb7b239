"""Who works at the console and what each role may do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """A role; a person may have several."""

    REVIEWER = "reviewer"  # Decides review tasks.
    SENIOR = "senior"  # A reviewer who also takes escalated and high-value tasks.
    OPS = "ops"  # Watches and repairs running cards.
    SUPPORT = "support"  # Answers sellers.
    FINANCE = "finance"  # Sees payouts and balances.
    COMPLIANCE = "compliance"  # Reads everything but secrets, verifies the trail.
    ADMIN = "admin"  # People, roles, settings.


class Permission(StrEnum):
    """One thing that may be done."""

    SEE_QUEUE = "see_queue"
    SEE_CARD = "see_card"
    DECIDE = "decide"
    DECIDE_ESCALATED = "decide_escalated"
    REVEAL = "reveal"
    SEE_PAYOUTS = "see_payouts"
    SEE_TRAIL = "see_trail"
    DECODE_HISTORY = "decode_history"  # Read Temporal payloads through the codec server.


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.REVIEWER: frozenset({Permission.SEE_QUEUE, Permission.SEE_CARD, Permission.DECIDE, Permission.REVEAL}),
    Role.SENIOR: frozenset(
        {Permission.SEE_QUEUE, Permission.SEE_CARD, Permission.DECIDE, Permission.DECIDE_ESCALATED, Permission.REVEAL}
    ),
    Role.OPS: frozenset({Permission.SEE_QUEUE, Permission.SEE_CARD, Permission.SEE_TRAIL, Permission.DECODE_HISTORY}),
    Role.SUPPORT: frozenset({Permission.SEE_CARD}),
    Role.FINANCE: frozenset({Permission.SEE_CARD, Permission.SEE_PAYOUTS}),
    Role.COMPLIANCE: frozenset(
        {Permission.SEE_QUEUE, Permission.SEE_CARD, Permission.SEE_PAYOUTS, Permission.SEE_TRAIL}
    ),
    Role.ADMIN: frozenset({Permission.SEE_QUEUE, Permission.SEE_CARD, Permission.DECODE_HISTORY}),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that any of the roles allows."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
