"""How long customers waited for the first answer and for the solution, in the working time of the desk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality.insight import ALL, Span
from database.reads.support.figures import nearest
from database.reads.support.growth import ABOUT, COUNTS
from database.reads.work.sla import policies_of
from database.tables.work import ClockIntervalRow
from domain.support.tickets import TEAM, TICKET
from domain.work.deadlines import Stretch, Terms, used
from domain.work.task import Priority
from domain.work.working_time import WorkingCalendar

TICKETS_MAX = 20_000  # The newest; a longer list would take longer to add up than to wait for.
_TICKETS = f"""
SELECT t.task_id, t.category, t.opened_at, t.first_replied_at, t.solved_at, w.priority, w.plan_version,
       t.first_replied_at >= :starts AND t.first_replied_at < :ends AS answered,
       t.solved_at >= :starts AND t.solved_at < :ends AS solved
FROM ticket t JOIN work_item w ON w.id = t.task_id {ABOUT}
WHERE ((t.first_replied_at >= :starts AND t.first_replied_at < :ends) OR (t.solved_at >= :starts AND t.solved_at < :ends))
  AND (:brand = '' OR about.brand = :brand) AND (:card_type = '' OR about.card_type = :card_type) AND {COUNTS}
ORDER BY t.id DESC LIMIT :most
"""  # noqa: S608  # Made of our own words; every value is a parameter.


@dataclass(frozen=True)
class Waited:
    """Working seconds of one category, or of `ALL`, at the median and the ninth decile; None without a ticket."""

    category: str
    answered: int
    first_p50_s: int | None
    first_p90_s: int | None
    solved: int
    whole_p50_s: int | None
    whole_p90_s: int | None


async def waited(session: AsyncSession, span: Span) -> tuple[Waited, ...]:
    """First answers given and tickets solved in the span, `ALL` first, then the category with most of them."""
    rows = list(await session.execute(text(_TICKETS), span.parameters() | {"most": TICKETS_MAX}))
    calendars = await _calendars(session, rows)
    had = await _stretches(session, [row.task_id for row in rows if row.solved])
    first: dict[str, list[int]] = defaultdict(list)
    whole: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        calendar = calendars[row.plan_version, row.priority, row.category]
        for name in (ALL, row.category):
            if row.answered:
                first[name].append(calendar.working_seconds(row.opened_at, row.first_replied_at))
            if row.solved:
                whole[name].append(_worked(calendar, had.get(row.task_id, ()), row))
    found = [_waited(name, sorted(first[name]), sorted(whole[name])) for name in {**first, **whole}]
    return tuple(sorted(found, key=lambda one: (one.category != ALL, -one.answered - one.solved, one.category)))


def _waited(category: str, first: Sequence[int], whole: Sequence[int]) -> Waited:
    quantiles = [nearest(each, percent) if each else None for each in (first, whole) for percent in (50, 90)]
    return Waited(category, len(first), quantiles[0], quantiles[1], len(whole), quantiles[2], quantiles[3])


def _worked(calendar: WorkingCalendar, stretches: Sequence[Stretch], row: Any) -> int:
    """The working seconds in which a ticket was ours, not the customer's, until it was solved."""
    if not stretches:
        return calendar.working_seconds(row.opened_at, row.solved_at)
    before = [one for one in stretches if one.starts < row.solved_at]
    return int(used(calendar, before, row.solved_at).total_seconds())


async def _calendars(session: AsyncSession, rows: Sequence[Any]) -> dict[tuple[int, str, str], WorkingCalendar]:
    """The calendar of each kind of ticket, by the version of the deadline policies that its clock was planned with."""
    found = {}
    versions = {version: await policies_of(session, version) for version in {row.plan_version for row in rows}}
    for version, priority, category in {(row.plan_version, row.priority, row.category) for row in rows}:
        terms = Terms(None, 0, Priority(priority), frozenset({category}), TEAM, TICKET)
        policies = versions[version]
        found[version, priority, category] = policies.calendar_for(policies.policy_for(terms), TEAM)
    return found


async def _stretches(session: AsyncSession, tasks: Sequence[str]) -> Mapping[str, Sequence[Stretch]]:
    found: dict[str, list[Stretch]] = defaultdict(list)
    row = ClockIntervalRow
    own = select(row.task_id, row.owner, row.started_at, row.ended_at).where(
        row.card_id.is_(None), row.task_id == func.any(list(tasks))
    )
    for one in await session.execute(own.order_by(row.started_at)):
        found[one.task_id].append(Stretch(one.task_id, one.owner, one.started_at, one.ended_at))
    return found
