"""Count the cards of each brand that were bought recently and are still in stock: the supply side of every price."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow
from database.tables.columns import now
from domain.cards.card import Outcome

WINDOW = timedelta(days=30)
FRESH_FOR_S = 60.0  # One count a minute and process: a price moves by bands of thousands of cards, not by one.


class Stock:
    """Counts cards by brand, bought and live in the last thirty days; each count serves for a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted: Mapping[str, int] = {}
        self._counted_at: float | None = None

    async def of(self, session: AsyncSession, brand: str) -> int:
        """Return the stock of one brand, at most a minute old."""
        if self._counted_at is None or self._clock() - self._counted_at > FRESH_FOR_S:
            self._counted, self._counted_at = await _count(session), self._clock()
        return self._counted.get(brand, 0)


async def _count(session: AsyncSession) -> dict[str, int]:
    bought = (CardRow.outcome == Outcome.PAID, CardRow.live, CardRow.since > now() - WINDOW)
    statement = select(CardRow.brand, func.count()).where(*bought).group_by(CardRow.brand)
    return {row[0]: row[1] for row in (await session.execute(statement)).all()}
