"""What sellers ask support for beside a card: to be called, or that a decision is looked at again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.people.roles import Permission
from domain.work.kinds import Facet, KindOfWork
from domain.work.queue_order import OrderFacts, lead
from domain.work.reason_codes import ReasonedAct

CALLBACK = "callback"
WORDS_MAX = 500
TEAM = "support"


class CallbackWanted(StrEnum):
    """What the seller wants."""

    CALL = "call"  # An agent calls them.
    APPEAL = "appeal"  # An agent looks at the decision and explains it.


def by_deadline(facts: OrderFacts) -> datetime:
    """Return the place within a band: the request that is due first comes first, whatever its card is worth."""
    return facts.due_at - lead(facts.priority)


CALLBACK_WORK = KindOfWork(
    code=CALLBACK,
    see=Permission.ANSWER_CALLBACKS,
    take=Permission.ANSWER_CALLBACKS,
    take_escalated=Permission.ANSWER_CALLBACKS,  # A late request stays with all agents, first in their queue.
    page="/callbacks/{task}",
    reasons="callback_wanted",
    opened_for=CallbackWanted,
    facets=frozenset({Facet.REASON}),
    closes=ReasonedAct.CLOSE_CALLBACK,
    order_at=by_deadline,
)
