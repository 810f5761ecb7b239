"""Try a document of deadline policies on the open tasks; it is drafted and published like every other policy document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.clocks import planned, runs_of
from database.reads.work.sla import intervals, replanned
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.rules.deadlines import built_in
from domain.work.deadline_document import parse
from domain.work.deadlines import Policies, Stretch
from domain.work.kinds import kind_of

PREVIEWED_MAX = 2000  # The soonest due; more would keep the page waiting.
LARGEST = 10
TRIED_VERSION = 0  # Nothing is planned by a document that is only tried.


@dataclass(frozen=True)
class Moved:
    """An open task whose deadline a document would move."""

    card_id: str
    task_id: str
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Preview:
    """What a document would change: of the `looked_at` tasks due soonest, out of `waiting` open ones; the largest moves first."""

    looked_at: int
    waiting: int
    moved: int
    late: int  # Of them, so many would be late at once.
    largest: tuple[Moved, ...]
    late_now: int = 0  # Of the tasks looked at, so many are late already.
    late_then: int = 0  # So many would be.

    @property
    def complete(self) -> bool:
        """Whether every open task was looked at, so that the numbers are those of publishing."""
        return self.looked_at == self.waiting


async def previewed(session: AsyncSession, document: object, now: datetime, most: int = PREVIEWED_MAX) -> Preview:
    """Return what a document would change on the `most` open tasks due soonest. Raises DocumentWrong."""
    tried = parse(document, TRIED_VERSION).completed(built_in())
    open_tasks = select(WorkItemRow).where(WorkItemRow.closed_at.is_(None)).order_by(WorkItemRow.due_at, WorkItemRow.id)
    tasks = (await session.execute(open_tasks.limit(most))).scalars().all()
    clocks = await intervals(session, tasks)
    of_tickets = await _due_of_tickets(session, tried, tasks, clocks, now)
    waiting = select(func.count()).select_from(WorkItemRow).where(WorkItemRow.closed_at.is_(None))
    counted = (await session.execute(waiting)).scalar_one()
    due = {
        task.id: of_tickets[task.id] if task.id in of_tickets else replanned(tried, task, clocks[task.id], now).due_at
        for task in tasks
    }
    return _compared(list(tasks), due, max(counted, len(tasks)), now)


async def _due_of_tickets(
    session: AsyncSession, tried: Policies, tasks: Sequence[WorkItemRow], clocks: dict[str, list[Stretch]], now: datetime
) -> dict[str, datetime]:  # fmt: skip
    """When the tickets among the tasks would be due: each has a clock for every promise."""
    of = {task.id: task for task in tasks if kind_of(task.kind).answers_customers}
    tickets = (await session.execute(select(TicketRow).where(TicketRow.task_id.in_(of)))).scalars().all()
    rows = await runs_of(session, [ticket.id for ticket in tickets])
    return {
        task.id: planned(tried, ticket, task, rows.get(ticket.id, []), clocks[task.id], now).due_at or task.due_at
        for ticket in tickets
        for task in (of[ticket.task_id],)
    }


def _compared(tasks: list[WorkItemRow], due: Mapping[str, datetime], waiting: int, now: datetime) -> Preview:
    moved = [Moved(task.card_id or "", task.id, task.due_at, due[task.id]) for task in tasks]
    moved = [one for one in moved if one.before != one.after]
    late = sum(1 for one in moved if one.after < now <= one.before)
    late_now = sum(task.due_at < now for task in tasks)
    late_then = sum(due[task.id] < now for task in tasks)
    moved.sort(key=lambda one: abs(one.after - one.before), reverse=True)
    return Preview(len(tasks), waiting, len(moved), late, tuple(moved[:LARGEST]), late_now, late_then)
