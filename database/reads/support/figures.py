"""How the support desk does, in figures over a bounded time. Definitions: docs/insight.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.ticket_growth import ABOUT, BRAND, COUNTS, STEP
from database.reads.quality.insight import ALL, PEOPLE_MAX, Span
from domain.support.tickets import ClockKind
from domain.work.deadlines import ClockOwner

CAUSES_MAX = 40
_OF = f"(:brand = '' OR about.brand = :brand) AND (:card_type = '' OR about.card_type = :card_type) AND {COUNTS}"
_IN = "t.{column} >= :starts AND t.{column} < :ends"
_OPENED, _SOLVED = _IN.format(column="opened_at"), _IN.format(column="solved_at")


@dataclass(frozen=True)
class Day:
    """Tickets that were opened and solved on one day."""

    day: date
    opened: int
    solved: int


@dataclass(frozen=True)
class Promised:
    """Promises whose time was over or that were kept in the span; `name` is a clock's kind, a desk, or `ALL`."""

    name: str
    ended: int
    kept: int


@dataclass(frozen=True)
class Reopened:
    """Tickets of one category, or `ALL`, that were solved at least once, and how many of them were opened again."""

    category: str
    solved: int
    again: int


@dataclass(frozen=True)
class Contacts:
    """Tickets that name a card of one brand, beside the cards submitted; `ALL` counts tickets without a card, too."""

    brand: str
    tickets: int
    cards: int

    @property
    def per_thousand(self) -> int | None:
        """Tickets per 1,000 cards, in tenths; None without a card."""
        return self.tickets * 10_000 // self.cards if self.cards else None


@dataclass(frozen=True)
class About:
    """How many tickets are about one thing; brand, step and release are empty where they are not known."""

    category: str
    brand: str
    step: str
    release: str
    count: int


@dataclass(frozen=True)
class Rated:
    """What customers said of solutions of one category, or of `ALL`."""

    category: str
    rated: int
    good: int


@dataclass(frozen=True)
class Agent:
    """What one person wrote and solved in the span, in how many hours of a clock, and what they have now."""

    person_id: str
    name: str
    replies: int
    hours: int  # Clock hours in which they replied.
    solved: int
    held: int

    @property
    def tenths_an_hour(self) -> int | None:
        """Replies per hour in which they replied, in tenths; None without a reply."""
        return self.replies * 10 // self.hours if self.hours else None


@dataclass(frozen=True)
class Hour:
    """What came and was answered in one hour of the day, over all days of the span."""

    hour: int
    opened: int
    replies: int


async def flow(session: AsyncSession, span: Span) -> tuple[Day, ...]:
    """Count tickets opened and solved day by day, one entry for each day of the span."""
    return tuple(Day(row.day, row.opened, row.solved) for row in await _rows(session, _FLOW, span))


async def clocks(session: AsyncSession, span: Span) -> tuple[Promised, ...]:
    """Count by promise how many were kept, in the order of `ClockKind`; nothing without any."""
    found = {row.name: Promised(row.name, row.n, row.kept) for row in await _rows(session, _CLOCKS, span)}
    return tuple(found[kind] for kind in ClockKind if kind in found)


async def tiers(session: AsyncSession, span: Span) -> tuple[Promised, ...]:
    """Count by the desk that had the ticket when a promise was kept or broken; the busiest first."""
    found = (Promised(row.name, row.n, row.kept) for row in await _rows(session, _TIERS, span))
    known = {owner.value for owner in ClockOwner}
    return tuple(sorted((one for one in found if one.name in known), key=lambda one: (-one.ended, one.name)))


async def reopened(session: AsyncSession, span: Span) -> tuple[Reopened, ...]:
    """Count how many of the tickets opened in the span and solved since were opened again, `ALL` first."""
    return tuple(Reopened(row.category, row.n, row.again) for row in await _rows(session, _REOPENED, span))


async def contacts(session: AsyncSession, span: Span) -> tuple[Contacts, ...]:
    """Count by brand tickets opened and cards submitted in the span, `ALL` first, then the most tickets per card."""
    found = [Contacts(row.brand, row.tickets, row.cards) for row in await _rows(session, _CONTACTS, span)]
    return tuple(sorted(found, key=lambda one: (one.brand != ALL, -(one.per_thousand or 0), one.brand)))


async def causes(session: AsyncSession, span: Span) -> tuple[About, ...]:
    """Count what tickets of the span are about, the commonest first, at most `CAUSES_MAX`."""
    found = await _rows(session, _CAUSES, span, most=CAUSES_MAX)
    return tuple(About(row.category, row.brand, row.step, row.release, row.n) for row in found)


async def satisfaction(session: AsyncSession, span: Span) -> tuple[Rated, ...]:
    """Count how many of the solutions rated in the span were good, `ALL` first."""
    return tuple(Rated(row.category, row.n, row.good) for row in await _rows(session, _RATED, span))


async def workload(session: AsyncSession, span: Span) -> tuple[Agent, ...]:
    """Return all people with figures, the busiest first, at most `PEOPLE_MAX`."""
    found = await _rows(session, _WORK, span, people=PEOPLE_MAX)
    return tuple(Agent(row.id, row.name, row.replies, row.hours, row.solved, row.held) for row in found)


async def hours(session: AsyncSession, span: Span) -> tuple[Hour, ...]:
    """Count by all 24 hours of the day, on the clock of the span."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for row in await _rows(session, _HOURS, span):
        found[int(row.hour)][row.what] = row.n
    return tuple(Hour(hour, found[hour].get("opened", 0), found[hour].get("replies", 0)) for hour in range(24))


def nearest(values: Sequence[int], percent: int) -> int:
    """Return the smallest of the values, in order, that so many percent of them do not exceed; nothing is interpolated."""
    return values[max(0, ceil(len(values) * percent / 100) - 1)]


async def _rows(session: AsyncSession, statement: str, span: Span, **more: Any) -> list[Any]:
    return list(await session.execute(text(statement), span.parameters() | more))


_DAYS = "SELECT CAST(:first AS date) + number AS day FROM generate_series(0, CAST(:last AS date) - CAST(:first AS date)) number"
_FLOW = f"""
SELECT day, coalesce(came.n, 0) AS opened, coalesce(went.n, 0) AS solved
FROM ({_DAYS}) days
LEFT JOIN (
    SELECT CAST(t.opened_at AT TIME ZONE :zone AS date) AS day, count(*) AS n FROM ticket t {ABOUT}
    WHERE {_OPENED} AND {_OF} GROUP BY 1
) came USING (day)
LEFT JOIN (
    SELECT CAST(t.solved_at AT TIME ZONE :zone AS date) AS day, count(*) AS n FROM ticket t {ABOUT}
    WHERE {_SOLVED} AND {_OF} GROUP BY 1
) went USING (day)
ORDER BY day
"""  # noqa: S608  # Made of our own words; every value is a parameter.
# A run counts when it is kept, or when its time is over before; one that ended otherwise counts only if it was late by then.
_ENDED = f"""
FROM ticket_clock k JOIN ticket t ON t.id = k.ticket_id {ABOUT}
WHERE coalesce(k.breached_at, k.met_at) >= :starts AND coalesce(k.breached_at, k.met_at) < :ends AND {_OF}
"""
_KEPT = "count(*) AS n, count(*) FILTER (WHERE k.breached_at IS NULL) AS kept"
_CLOCKS = f"SELECT k.kind AS name, {_KEPT} {_ENDED} GROUP BY 1"
_TIERS = f"""
SELECT CASE WHEN k.breached_at IS NULL THEN k.met_by ELSE k.breached_by END AS name, {_KEPT} {_ENDED} GROUP BY 1
"""
_BY_CATEGORY = """
GROUP BY GROUPING SETS ((t.category), ()) HAVING count(*) > 0 ORDER BY grouping(t.category) DESC, n DESC, 1
"""
_CATEGORY = f"coalesce(t.category, '{ALL}') AS category, count(*) AS n"
_REOPENED = f"""
SELECT {_CATEGORY}, count(*) FILTER (WHERE t.reopened > 0) AS again FROM ticket t {ABOUT}
WHERE {_OPENED} AND (t.solved_at IS NOT NULL OR t.reopened > 0) AND {_OF} {_BY_CATEGORY}
"""  # noqa: S608
_RATED = f"""
SELECT {_CATEGORY}, count(*) FILTER (WHERE r.good) AS good
FROM ticket_rating r JOIN ticket t ON t.id = r.ticket_id {ABOUT}
WHERE r.at >= :starts AND r.at < :ends AND {_OF} {_BY_CATEGORY}
"""  # noqa: S608
_CONTACTS = f"""
SELECT coalesce(asked.brand, sent.brand) AS brand, coalesce(asked.n, 0) AS tickets, coalesce(sent.n, 0) AS cards
FROM (
    SELECT coalesce(about.brand, '{ALL}') AS brand, count(*) AS n FROM ticket t {ABOUT} WHERE {_OPENED} AND {_OF}
    GROUP BY GROUPING SETS ((about.brand), ()) HAVING grouping(about.brand) = 1 OR about.brand IS NOT NULL
) asked
FULL JOIN (
    SELECT coalesce(c.brand, '{ALL}') AS brand, count(*) AS n FROM card c
    WHERE c.created_at >= :starts AND c.created_at < :ends
      AND (:brand = '' OR c.brand = :brand) AND (:card_type = '' OR c.card_type = :card_type)
    GROUP BY GROUPING SETS ((c.brand), ())
) sent ON sent.brand = asked.brand
WHERE coalesce(asked.n, 0) > 0
"""  # noqa: S608
_CAUSES = f"""
SELECT t.category, {BRAND} AS brand, {STEP} AS step, coalesce(release.build_id, '') AS release, count(*) AS n
FROM ticket t {ABOUT}
LEFT JOIN LATERAL (
    SELECT build_id FROM worker_build WHERE first_at <= t.opened_at ORDER BY first_at DESC, build_id LIMIT 1
) AS release ON true
WHERE {_OPENED} AND {_OF} GROUP BY 1, 2, 3, 4 ORDER BY n DESC, 1, 2, 3, 4 LIMIT :most
"""  # noqa: S608
_REPLIES = f"""
FROM ticket_message m JOIN ticket t ON t.id = m.ticket_id {ABOUT}
WHERE m.kind = 'reply' AND m.withdrawn_at IS NULL AND m.at >= :starts AND m.at < :ends AND {_OF}
"""
_WORK = f"""
SELECT person.id, person.name, coalesce(wrote.n, 0) AS replies, coalesce(wrote.hours, 0) AS hours,
       coalesce(ended.n, 0) AS solved, coalesce(has.n, 0) AS held
FROM person
LEFT JOIN (
    SELECT m.author, count(*) AS n, count(DISTINCT date_trunc('hour', m.at)) AS hours {_REPLIES} GROUP BY 1
) wrote ON wrote.author = 'person:' || person.id
LEFT JOIN (
    SELECT t.solved_by, count(*) AS n FROM ticket t {ABOUT} WHERE {_SOLVED} AND {_OF} GROUP BY 1
) ended ON ended.solved_by = person.id
LEFT JOIN (
    SELECT coalesce(w.assigned_to, w.leased_by) AS person_id, count(*) AS n
    FROM work_item w JOIN ticket t ON t.task_id = w.id {ABOUT}
    WHERE w.kind = 'ticket' AND w.closed_at IS NULL AND coalesce(w.assigned_to, w.leased_by) IS NOT NULL AND {_OF} GROUP BY 1
) has ON has.person_id = person.id
WHERE coalesce(wrote.n, ended.n, has.n) IS NOT NULL
ORDER BY replies DESC, solved DESC, held DESC, person.name, person.id LIMIT :people
"""  # noqa: S608
_HOURS = f"""
SELECT extract(hour FROM t.opened_at AT TIME ZONE :zone) AS hour, 'opened' AS what, count(*) AS n
FROM ticket t {ABOUT} WHERE {_OPENED} AND {_OF} GROUP BY 1
UNION ALL
SELECT extract(hour FROM m.at AT TIME ZONE :zone), 'replies', count(*) {_REPLIES} GROUP BY 1
"""  # noqa: S608
