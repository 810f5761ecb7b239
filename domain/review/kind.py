"""Review as a kind of work: a card waits for a person's decision, and for a second person's where the rules want one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from domain.cards.card import CardType
from domain.cards.review import ReviewReason
from domain.people.roles import Permission
from domain.work.kinds import REVIEW, Facet, KindOfWork


def review_work(brands: Callable[[], Iterable[str]]) -> KindOfWork:
    """Return the kind; `brands` gives the codes of today's catalogue."""
    return KindOfWork(
        code=REVIEW,
        see=Permission.SEE_QUEUE,
        take=Permission.DECIDE,
        take_escalated=Permission.DECIDE_ESCALATED,
        check=Permission.CHECK,
        page="/cards/{card}",
        opened_for=ReviewReason,
        card_types=CardType,
        brands=brands,
        facets=frozenset(Facet),
        holds_card=True,
    )
