"""Review as a kind of work: a card waits for a person's decision, and for a second person's where the rules want one."""

from __future__ import annotations

from domain.people.roles import Permission
from domain.work.kinds import REVIEW, Facet, KindOfWork

REVIEW_WORK = KindOfWork(
    code=REVIEW,
    see=Permission.SEE_QUEUE,
    take=Permission.DECIDE,
    take_escalated=Permission.DECIDE_ESCALATED,
    check=Permission.CHECK,
    page="/cards/{card}",
    facets=frozenset(Facet),
    holds_card=True,
)
