"""How the review desk does, in figures: each of them one statement over a bounded time. Definitions: docs/insight.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import lasts_sql
from database.tables.columns import now

DAYS_MAX = 366
PEOPLE_MAX = 200
AGES_S = (900, 3600, 14_400, 86_400)  # A quarter of an hour, one, four and 24 hours.
ALL = "all"  # The row over all types.
# Both filters of every figure; `t` is whatever has a brand and a type.
_OF = "(:brand = '' OR {t}.brand = :brand) AND (:card_type = '' OR {t}.card_type = :card_type)"
_TASK, _CARD = f"t.kind = 'review' AND {_OF.format(t='t')}", _OF.format(t="c")


@dataclass(frozen=True)
class Span:
    """Whole days, first to last, as the clock of `zone` counts them; at most `DAYS_MAX`. Empty filters mean all."""

    first: date
    last: date
    zone: ZoneInfo
    brand: str = ""
    card_type: str = ""

    @property
    def days(self) -> int:
        """How many days it covers."""
        return (self.last - self.first).days + 1

    def parameters(self) -> dict[str, Any]:
        """Return the span for a statement: `starts` and `ends` are moments, the second one outside."""
        starts = datetime.combine(self.first, time.min, self.zone)
        ends = datetime.combine(self.last + timedelta(days=1), time.min, self.zone)
        return {
            "starts": starts, "ends": ends, "first": self.first, "last": self.last, "zone": self.zone.key,
            "brand": self.brand, "card_type": self.card_type, "moment": now(),
        }  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """Tasks that wait now and are of one age; `bracket` counts from 0, the youngest."""

    bracket: int
    count: int
    late: int


@dataclass(frozen=True)
class Day:
    """What came and what was decided on one day."""

    day: date
    arrived: int
    decided: int


@dataclass(frozen=True)
class Took:
    """How long decisions took, in seconds from the task's opening, for one type or `ALL`."""

    card_type: str
    decided: int
    p50_s: int
    p90_s: int


@dataclass(frozen=True)
class Kept:
    """How many deadlines were kept, for one type or `ALL`."""

    card_type: str
    due: int
    kept: int
    warned: int


@dataclass(frozen=True)
class Straight:
    """How many paid cards no person had to look at, for one type or `ALL`."""

    card_type: str
    paid: int
    straight: int


@dataclass(frozen=True)
class Work:
    """What one person decided in the span, and what they have now. `mean_s` is from taking a task to its decision."""

    person_id: str
    name: str
    decided: int
    mean_s: int | None
    held: int
    assigned: int


@dataclass(frozen=True)
class Reason:
    """How often one reason was given; a task may have several."""

    reason: str
    count: int


async def backlog(session: AsyncSession, span: Span) -> tuple[Waiting, ...]:
    """Count what waits at this moment, whatever the span's days: one entry for each bracket of `AGES_S`, also for empty ones."""
    found = await _rows(session, _BACKLOG, span, ages=list(AGES_S))
    by_bracket = {row.bracket: row for row in found}
    return tuple(
        Waiting(number, by_bracket[number].n, by_bracket[number].late)
        if number in by_bracket
        else Waiting(number, 0, 0)
        for number in range(len(AGES_S) + 1)
    )


async def flow(session: AsyncSession, span: Span) -> tuple[Day, ...]:
    """Arrivals and standing decisions day by day, one entry for each day of the span."""
    return tuple(Day(row.day, row.arrived, row.decided) for row in await _rows(session, _FLOW, span))


async def time_to_decision(session: AsyncSession, span: Span) -> tuple[Took, ...]:
    """Return the median and the ninth decile over people's decisions of the span, `ALL` first; nothing without any."""
    found = await _rows(session, _TIME, span)
    return tuple(Took(row.card_type, row.n, int(row.p50), int(row.p90)) for row in found)


async def deadlines(session: AsyncSession, span: Span) -> tuple[Kept, ...]:
    """Of the tasks decided in the span, and those still open that fell due in it: how many were in time, `ALL` first."""
    found = await _rows(session, _DEADLINES, span)
    return tuple(Kept(row.card_type, row.n, row.kept, row.warned) for row in found)


async def straight_through(session: AsyncSession, span: Span) -> tuple[Straight, ...]:
    """Of the cards paid in the span: how many never had a review task, `ALL` first."""
    return tuple(Straight(row.card_type, row.n, row.straight) for row in await _rows(session, _STRAIGHT, span))


async def workload(session: AsyncSession, span: Span) -> tuple[Work, ...]:
    """Return all people with figures, the busiest first, at most `PEOPLE_MAX`."""
    found = await _rows(session, _WORK, span, people=PEOPLE_MAX)
    return tuple(
        Work(row.id, row.name, row.decided, None if row.mean_s is None else int(row.mean_s), row.held, row.assigned)
        for row in found
    )


async def review_reasons(session: AsyncSession, span: Span) -> tuple[Reason, ...]:
    """Why the tasks opened in the span were opened, the commonest first."""
    return tuple(Reason(row.reason, row.n) for row in await _rows(session, _WHY, span))


async def reject_reasons(session: AsyncSession, span: Span) -> tuple[Reason, ...]:
    """Why cards were rejected by decisions of the span, the commonest first."""
    return tuple(Reason(row.reason, row.n) for row in await _rows(session, _REJECTED, span))


async def _rows(session: AsyncSession, statement: str, span: Span, **more: Any) -> list[Any]:
    return list(await session.execute(text(statement), span.parameters() | more))


_BACKLOG = f"""
SELECT width_bucket(extract(epoch FROM CAST(:moment AS timestamptz) - t.opened_at), CAST(:ages AS numeric[])) AS bracket,
       count(*) AS n, count(*) FILTER (WHERE t.due_at <= :moment) AS late
FROM work_item t WHERE t.closed_at IS NULL AND NOT t.decided AND {_TASK}
GROUP BY 1
"""  # noqa: S608  # Made of our own words; every value is a parameter.
_STANDING = f"""
FROM review_decision d JOIN work_item t ON t.id = d.task_id
WHERE d.void_at IS NULL AND d.made_at >= :starts AND d.made_at < :ends AND {_TASK}
"""
_FLOW = f"""
SELECT day, coalesce(came.n, 0) AS arrived, coalesce(went.n, 0) AS decided
FROM (SELECT CAST(:first AS date) + number AS day FROM generate_series(0, CAST(:last AS date) - CAST(:first AS date)) number) days
LEFT JOIN (
    SELECT CAST(t.opened_at AT TIME ZONE :zone AS date) AS day, count(*) AS n FROM work_item t
    WHERE t.opened_at >= :starts AND t.opened_at < :ends AND {_TASK} GROUP BY 1
) came USING (day)
LEFT JOIN (SELECT CAST(d.made_at AT TIME ZONE :zone AS date) AS day, count(*) AS n {_STANDING} GROUP BY 1) went USING (day)
ORDER BY day
"""  # noqa: S608
_TIME = f"""
SELECT coalesce(t.card_type, '{ALL}') AS card_type, count(*) AS n,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.made_at - t.opened_at)) AS p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM d.made_at - t.opened_at)) AS p90
{_STANDING} AND d.person_id IS NOT NULL
GROUP BY GROUPING SETS ((t.card_type), ()) HAVING count(*) > 0 ORDER BY grouping(t.card_type) DESC, n DESC, 1
"""  # noqa: S608
_DEADLINES = f"""
WITH due AS (
    SELECT t.id, t.card_type, d.made_at <= t.due_at AS in_time {_STANDING}
    UNION ALL
    SELECT t.id, t.card_type, false FROM work_item t
    WHERE t.closed_at IS NULL AND NOT t.decided AND t.due_at >= :starts AND t.due_at < least(:ends, :moment) AND {_TASK}
)
SELECT coalesce(due.card_type, '{ALL}') AS card_type, count(*) AS n,
       count(*) FILTER (WHERE due.in_time AND late.task_id IS NULL) AS kept, count(warned.task_id) AS warned
FROM due
LEFT JOIN deadline_alarm late ON late.task_id = due.id AND late.alarm = 'breach'
LEFT JOIN deadline_alarm warned ON warned.task_id = due.id AND warned.alarm = 'warning'
GROUP BY GROUPING SETS ((due.card_type), ()) HAVING count(*) > 0 ORDER BY grouping(due.card_type) DESC, n DESC, 1
"""  # noqa: S608
_STRAIGHT = f"""
SELECT coalesce(c.card_type, '{ALL}') AS card_type, count(*) AS n,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM work_item t WHERE t.card_id = c.id AND t.kind = 'review')) AS straight
FROM payout p JOIN card c ON c.id = p.card_id
WHERE p.state = 'paid' AND p.settled_at >= :starts AND p.settled_at < :ends AND {_CARD}
GROUP BY GROUPING SETS ((c.card_type), ()) HAVING count(*) > 0 ORDER BY grouping(c.card_type) DESC, n DESC, 1
"""  # noqa: S608
_WORK = f"""
SELECT person.id, person.name, coalesce(did.n, 0) AS decided, did.mean_s,
       coalesce(has.held, 0) AS held, coalesce(gets.assigned, 0) AS assigned
FROM person
LEFT JOIN (
    SELECT d.person_id, count(*) AS n, round(avg(extract(epoch FROM d.made_at - d.opened_at))) AS mean_s
    {_STANDING} AND d.person_id IS NOT NULL GROUP BY 1
) did ON did.person_id = person.id
LEFT JOIN (
    SELECT t.leased_by AS person_id, count(*) AS held FROM work_item t
    WHERE t.closed_at IS NULL AND NOT t.decided AND t.leased_by IS NOT NULL AND {lasts_sql("t", ":moment")} AND {_TASK} GROUP BY 1
) has ON has.person_id = person.id
LEFT JOIN (
    SELECT t.assigned_to AS person_id, count(*) AS assigned FROM work_item t
    WHERE t.closed_at IS NULL AND NOT t.decided AND t.assigned_to IS NOT NULL AND {_TASK} GROUP BY 1
) gets ON gets.person_id = person.id
WHERE coalesce(did.n, has.held, gets.assigned) IS NOT NULL
ORDER BY decided DESC, held DESC, assigned DESC, person.name, person.id LIMIT :people
"""  # noqa: S608
_WHY = f"""
SELECT given.reason, count(*) AS n FROM work_item t, jsonb_array_elements_text(t.reasons) AS given (reason)
WHERE t.opened_at >= :starts AND t.opened_at < :ends AND {_TASK}
GROUP BY 1 ORDER BY n DESC, 1
"""  # noqa: S608
_REJECTED = f"""
SELECT coalesce(d.reject_reason, 'other') AS reason, count(*) AS n {_STANDING} AND d.outcome = 'reject'
GROUP BY 1 ORDER BY n DESC, 1
"""
