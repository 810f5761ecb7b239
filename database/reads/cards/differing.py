"""Fields of cards that differ from what their photographs surely show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, PhotoRow, ReadingRow
from database.tables.columns import now
from domain.cards.reading import FieldName, confidence_bp
from domain.places import business_day
from domain.rules.reading import sure_from_bp

AGREEING = frozenset({"agrees", "taken", "confirmed"})


async def differing(session: AsyncSession, card_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of such fields by card, for cards that have any: sent otherwise than a sure reading has them, and
    no current photograph agrees. One statement; the brand is no field that is sent again."""
    if not card_ids:
        return {}
    current = select(ReadingRow.card_id, CardRow.brand, ReadingRow.fields).join(
        PhotoRow, PhotoRow.id == ReadingRow.photo_id
    )
    current = current.join(CardRow, CardRow.id == ReadingRow.card_id)
    found: dict[str, dict[str, bool]] = {}
    today = business_day(now())
    current = current.where(ReadingRow.card_id.in_(card_ids), PhotoRow.current)
    for card_id, brand, fields in await session.execute(current.order_by(ReadingRow.created_at, ReadingRow.id)):
        names = found.setdefault(card_id, {})
        for entry in fields:
            name = str(entry["name"])
            if name == FieldName.BRAND:
                continue
            if entry["use"] in AGREEING:
                names[name] = False
            elif entry["use"] == "differs" and confidence_bp(entry) >= sure_from_bp(brand, name, today):
                names.setdefault(name, True)
    return {card: tuple(name for name, differs in names.items() if differs) for card, names in found.items()}
