"""Where a card's journey starts again: its rows at a named point."""

from __future__ import annotations

from dataclasses import replace

from domain.cards.facts import CardToBuy
from domain.ops.repairs import ResetPoint

BEFORE_THE_QUOTE = frozenset({ResetPoint.READING, ResetPoint.VERIFICATION})


def from_point(card: CardToBuy, point: ResetPoint) -> CardToBuy:
    """Return the card's start at the point. Approvals, asked items and used numbers stay; an unanswered quote is made again."""
    if point not in BEFORE_THE_QUOTE:
        return card
    read = point is not ResetPoint.READING
    return replace(card, resume=replace(card.resume, read=read, quote_id=None))
