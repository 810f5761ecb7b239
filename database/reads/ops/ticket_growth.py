"""What tickets are about, and how many there are about each thing now and in the weeks before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.support.growth import DAYS, WINDOW, grows

# The first card of a ticket `t`, and the stage it was at when the ticket was opened; both empty without a card.
ABOUT = """
    LEFT JOIN LATERAL (
        SELECT c.id, c.brand, c.card_type, c.stage FROM ticket_link l JOIN card c ON c.id = l.subject
        WHERE l.ticket_id = t.id AND l.kind = 'card' ORDER BY l.at, l.subject LIMIT 1
    ) AS about ON true
    LEFT JOIN LATERAL (
        SELECT e.stage FROM card_event e WHERE e.card_id = about.id AND e.at <= t.opened_at ORDER BY e.id DESC LIMIT 1
    ) AS was ON true
"""
BRAND, STEP = "coalesce(about.brand, '')", "coalesce(was.stage, about.stage, '')"
COUNTS = "t.merged_into IS NULL AND t.solution <> 'spam'"  # Merged tickets and spam are no customer's question.
_MANY = f"""
SELECT t.category, {BRAND} AS brand, {STEP} AS step, count(*) AS n
FROM ticket t {ABOUT}
WHERE t.opened_at > CAST(:now AS timestamptz) - CAST(:span AS interval) AND t.opened_at <= :now AND {COUNTS}
GROUP BY 1, 2, 3 HAVING count(*) > :least
"""  # noqa: S608  # Made of our own words; every value is a parameter.
# The same hours of the days before; only of categories that have many now.
_BEFORE = f"""
SELECT t.category, {BRAND} AS brand, {STEP} AS step, count(*) AS n
FROM ticket t {ABOUT}
WHERE t.category = ANY (:categories) AND t.opened_at <= CAST(:now AS timestamptz) - interval '1 day'
  AND t.opened_at > CAST(:now AS timestamptz) - CAST(:days AS integer) * interval '1 day' - CAST(:span AS interval)
  AND mod(CAST(extract(epoch FROM :now - t.opened_at) AS bigint), 86400) < extract(epoch FROM CAST(:span AS interval))
  AND {COUNTS}
GROUP BY 1, 2, 3
"""  # noqa: S608
_HISTORY = "SELECT floor(extract(epoch FROM CAST(:now AS timestamptz) - min(opened_at)) / 86400) FROM ticket"


@dataclass(frozen=True)
class Cause:
    """What tickets are about: a category, and the brand and stage of the card, empty where they name none."""

    category: str
    brand: str
    step: str

    @property
    def subject(self) -> str:
        """It as an alert names it, e.g. `payout_late/jd/payout`."""
        return f"{self.category}/{self.brand or '-'}/{self.step or '-'}"


async def growing(session: AsyncSession, least: int, now: datetime) -> dict[Cause, int]:
    """Return what tickets were about more than `least` times in the last hours and more than chance explains, with the number."""
    given: dict[str, Any] = {"now": now, "span": WINDOW, "least": least}
    many = {Cause(*row[:3]): row.n for row in await session.execute(text(_MANY), given)}
    if not many:
        return {}
    history = (await session.execute(text(_HISTORY), {"now": now})).scalar_one()
    days = min(DAYS, int(history))
    given = {"now": now, "span": WINDOW, "days": days, "categories": sorted({cause.category for cause in many})}
    before = {Cause(*row[:3]): row.n for row in await session.execute(text(_BEFORE), given)}
    return {cause: n for cause, n in many.items() if grows(n, before.get(cause, 0), days)}
