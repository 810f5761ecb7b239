"""What cards are worth: the value on the card and the latest quote, named apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow
from domain.money import Currency, Money

_CARD: Any = CardRow  # Attributes of models are columns in a statement.
_QUOTE: Any = QuoteRow


@dataclass(frozen=True)
class CardValue:
    """The face value in the card's own currency and what is offered for it; None for what is not known yet."""

    face: Money | None = None
    offer: Money | None = None


async def values(session: AsyncSession, card_ids: Collection[str]) -> dict[str, CardValue]:
    """The values of these cards by their ids, in one statement."""
    if not card_ids:
        return {}
    latest = (
        select(_QUOTE.card_id, _QUOTE.amount_minor, _QUOTE.currency)
        .where(_QUOTE.card_id.in_(card_ids))
        .ext(distinct_on(_QUOTE.card_id))
        .order_by(_QUOTE.card_id, _QUOTE.created_at.desc())
        .subquery()
    )
    statement = (
        select(_CARD.id, _CARD.face_value_minor, _CARD.currency, latest.c.amount_minor, latest.c.currency)
        .outerjoin(latest, latest.c.card_id == _CARD.id)
        .where(_CARD.id.in_(card_ids))
    )
    return {
        row[0]: CardValue(_money(row[1], row[2]), _money(row[3], row[4])) for row in await session.execute(statement)
    }


def _money(amount_minor: int | None, currency: Currency | None) -> Money | None:
    return None if amount_minor is None or currency is None else Money(amount_minor, Currency(currency))
