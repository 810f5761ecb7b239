"""A goodwill payment: an agent proposes it, a second person agrees, and it is paid once, to a payee that was paid before."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.people.roles import Permission

NOTE_MAX = 1000


@dataclass(frozen=True)
class GoodwillRules:
    """One version of the policy; money in CNY minor units.

    From `finance_from_minor` on, counted over `seller_days`, finance is the second person, below it a lead of support.
    """

    version: str
    agent_max_minor: int
    lead_max_minor: int
    seller_max_minor: int
    seller_days: int
    finance_from_minor: int


class GoodwillState(StrEnum):
    """How far a goodwill payment is."""

    PROPOSED = "proposed"  # It waits for a second person.
    DECLINED = "declined"  # The second person said no.
    WITHDRAWN = "withdrawn"  # Its proposer took it back.
    AGREED = "agreed"  # It is being paid.
    PAID = "paid"  # The gateway says the money arrived.
    REFUSED = "refused"  # The gateway says for certain that nothing moved.


class GoodwillLimit(StrEnum):
    """Which limit a proposal would break."""

    OWN = "own"  # What this person may propose at once.
    SELLER = "seller"  # What one seller may get within the policy's days.


# What counts against the limits: everything that was paid or still may be.
COUNTED = frozenset({GoodwillState.PROPOSED, GoodwillState.AGREED, GoodwillState.PAID})


def limit_of(allowed: Collection[Permission], rules: GoodwillRules) -> int:
    """Return the most (CNY minor units) that a person with these permissions may propose at once."""
    return rules.lead_max_minor if Permission.LEAD_SUPPORT in allowed else rules.agent_max_minor


def agrees(with_earlier_minor: int, rules: GoodwillRules) -> Permission:
    """Return the permission of the second person.

    `with_earlier_minor` is what the seller gets with it within the policy's days, so that a payment split in two needs
    finance like the whole.
    """
    return Permission.AGREE_GOODWILL if with_earlier_minor >= rules.finance_from_minor else Permission.LEAD_SUPPORT
