"""Cards that were valued."""

from __future__ import annotations

from database.tables.cards import QuoteRow
from tests.builders.world import World


async def a_valued(world: World, card_id: str, number: int = 1) -> QuoteRow:
    valued = await world.pricing.value(card_id, number)
    (row,) = await world.rows(QuoteRow, id=valued.quote_id)
    assert isinstance(row, QuoteRow)
    return row
