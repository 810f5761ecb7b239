"""What cards are worth: the value on the card and the latest quote, named apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow
from domain.money import Currency, Money


@dataclass(frozen=True)
class CardValue:
    """The face value in the card's own currency and what is offered for it; None for what is not known yet."""

    face: Money | None = None
    offer: Money | None = None
    brand: str = ""


async def values(session: AsyncSession, card_ids: Collection[str]) -> dict[str, CardValue]:
    """Return the values of these cards by their ids, in one statement."""
    if not card_ids:
        return {}
    latest = (
        select(QuoteRow.card_id, QuoteRow.amount_minor, QuoteRow.currency)
        .where(QuoteRow.card_id.in_(card_ids))
        .ext(distinct_on(QuoteRow.card_id))
        .order_by(QuoteRow.card_id, QuoteRow.created_at.desc())
        .subquery()
    )
    statement = (
        select(
            CardRow.id,
            CardRow.face_value_minor,
            CardRow.currency,
            latest.c.amount_minor,
            latest.c.currency,
            CardRow.brand,
        )
        .outerjoin(latest, latest.c.card_id == CardRow.id)
        .where(CardRow.id.in_(card_ids))
    )
    return {
        row[0]: CardValue(_money(row[1], row[2]), _money(row[3], row[4]), row[5])
        for row in await session.execute(statement)
    }


def _money(amount_minor: int | None, currency: Currency | None) -> Money | None:
    return None if amount_minor is None or currency is None else Money(amount_minor, Currency(currency))
