"""How long sellers waited for their money: from their acceptance to the gateway's confirmation, by rail."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality.insight import ALL, Span

_SPEED = text("""
SELECT coalesce(rail, :all) AS rail, count(*) AS paid,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY s) AS p50, percentile_disc(0.99) WITHIN GROUP (ORDER BY s) AS p99
FROM (
    SELECT p.rail, greatest(0, extract(epoch FROM p.settled_at - q.answered_at))::bigint AS s
    FROM payout p JOIN quote q ON q.id = p.quote_id JOIN card c ON c.id = p.card_id
    WHERE p.state = 'paid' AND p.settled_at >= :starts AND p.settled_at < :ends AND q.answered_at IS NOT NULL
      AND (:brand = '' OR c.brand = :brand) AND (:card_type = '' OR c.card_type = :card_type)
) AS took
GROUP BY GROUPING SETS ((), (rail)) HAVING count(*) > 0
ORDER BY took.rail NULLS FIRST
""")


@dataclass(frozen=True)
class RailSpeed:
    """Seconds that half of the payments took at most, and 99 of a hundred; `rail` is a rail's code, or `ALL`."""

    rail: str
    paid: int
    p50_s: int
    p99_s: int


async def by_rail(session: AsyncSession, span: Span) -> tuple[RailSpeed, ...]:
    """Return the speed of the payments that were settled in the span, `ALL` first; nothing without any."""
    rows = await session.execute(_SPEED, span.parameters() | {"all": ALL})
    return tuple(RailSpeed(row.rail, int(row.paid), int(row.p50), int(row.p99)) for row in rows)
