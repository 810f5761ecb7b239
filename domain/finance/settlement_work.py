"""What settlement runs need of finance, as a kind of work."""

from __future__ import annotations

from datetime import datetime

from domain.finance.settlement import SettlementNeed
from domain.people.roles import Permission
from domain.work.kinds import Facet, KindOfWork
from domain.work.queue_order import OrderFacts, lead

TEAM = "finance"


def by_deadline(facts: OrderFacts) -> datetime:
    """Return the place within a band: what is due first comes first."""
    return facts.due_at - lead(facts.priority)


SETTLEMENT_WORK = KindOfWork(
    code="settlement",
    see=Permission.RUN_SETTLEMENTS,
    take=Permission.RUN_SETTLEMENTS,
    take_escalated=Permission.RUN_SETTLEMENTS,
    page="/settlements/{subject}",
    reasons="settlement_need",
    opened_for=SettlementNeed,
    facets=frozenset({Facet.REASON, Facet.VALUE}),
    order_at=by_deadline,
    breach_escalates=False,  # A late one stays with all of finance, first in its queue.
)
