"""How long customers waited for the first answer and for the solution, in the working time of the desk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.ticket_growth import ABOUT, COUNTS
from database.reads.quality.insight import ALL, Span
from database.reads.support.figures import nearest
from database.reads.work.sla import policies_of
from database.tables.work import ClockIntervalRow
from domain.support.tickets import TEAM, TICKET
from domain.work.deadlines import Stretch, Terms, used
from domain.work.task import Priority
from domain.work.working_time import WorkingCalendar

TICKETS_MAX = 20_000  # The newest; a longer list would take longer to add up than to wait for.
_TICKETS = f"""
SELECT t.task_id, t.category, t.opened_at, t.{{ended}} AS ended_at, w.priority, w.plan_version
FROM ticket t JOIN work_item w ON w.id = t.task_id {ABOUT}
WHERE t.{{ended}} >= :starts AND t.{{ended}} < :ends
  AND (:brand = '' OR about.brand = :brand) AND (:card_type = '' OR about.card_type = :card_type) AND {COUNTS}
ORDER BY t.id DESC LIMIT :most
"""  # noqa: S608  # Made of our own words; every value is a parameter.
_ANSWERED, _SOLVED = (_TICKETS.format(ended=one) for one in ("first_replied_at", "solved_at"))


@dataclass(frozen=True)
class Waited:
    """Working seconds of one category, or of `ALL`: the median and the ninth decile of so many tickets."""

    category: str
    tickets: int
    p50_s: int
    p90_s: int


async def first_answers(session: AsyncSession, span: Span) -> tuple[Waited, ...]:
    """Return how long the first answers given in the span took, `ALL` first, then the category with most of them."""
    return _waited(await _took(session, span, _ANSWERED))


async def solutions(session: AsyncSession, span: Span) -> tuple[Waited, ...]:
    """Return how long the solutions of the span took, without the time that was the customer's, in the same order."""
    return _waited(await _took(session, span, _SOLVED))


async def _took(session: AsyncSession, span: Span, statement: str) -> Mapping[str, list[int]]:
    """The working seconds of each ticket by category, and of all."""
    rows = list(await session.execute(text(statement), span.parameters() | {"most": TICKETS_MAX}))
    calendars = await _calendars(session, rows)
    had = await _stretches(session, [row.task_id for row in rows])
    took: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        seconds = _worked(calendars[row.plan_version, row.priority, row.category], had.get(row.task_id, ()), row)
        for name in (ALL, row.category):
            took[name].append(seconds)
    return took


def _waited(took: Mapping[str, list[int]]) -> tuple[Waited, ...]:
    each = {category: sorted(seconds) for category, seconds in took.items()}
    found = (Waited(category, len(one), nearest(one, 50), nearest(one, 90)) for category, one in each.items())
    return tuple(sorted(found, key=lambda one: (one.category != ALL, -one.tickets, one.category)))


def _worked(calendar: WorkingCalendar, stretches: Sequence[Stretch], row: Any) -> int:
    """The working seconds in which a ticket was ours, not the customer's, until it was answered or solved."""
    if not stretches:
        return calendar.working_seconds(row.opened_at, row.ended_at)
    before = (one for one in stretches if one.starts < row.ended_at)
    until = (replace(one, ends=min(one.ends or row.ended_at, row.ended_at)) for one in before)
    return int(used(calendar, until, row.ended_at).total_seconds())


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
