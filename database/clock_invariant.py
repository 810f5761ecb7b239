"""I11: an item's clock is what its intervals say. Run with the other invariants, see `database.invariants`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.work.sla import intervals, policies_of, replanned
from database.tables.work import WorkItemRow
from domain.work.kinds import kinds

AT_ONCE = 500

# A stretch of no length may share its moment with the one after it.
INTERVALS = """
SELECT 'card ' || card.id || ' has ended and is still the time of ' || owner
FROM clock_interval JOIN card ON card.id = card_id WHERE ended_at IS NULL AND outcome IS NOT NULL
UNION ALL
SELECT 'card ' || card_id || ' was the time of ' || owner || ' and of another at ' || started_at
FROM (
    SELECT coalesce(card_id, task_id) AS card_id, owner, started_at, max(coalesce(ended_at, 'infinity')) OVER (
        PARTITION BY coalesce(card_id, task_id) ORDER BY started_at, coalesce(ended_at, 'infinity'), id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS taken_until
    FROM clock_interval
) stretches WHERE started_at < taken_until
UNION ALL
SELECT 'card ' || card_id || ' was the time of ' || owner || ' until before ' || started_at
FROM clock_interval WHERE ended_at < started_at
UNION ALL
SELECT 'task ' || id || ' is open and its clock stands'
FROM work_item task
WHERE closed_at IS NULL AND plan_version > 0 AND kind NOT IN :own AND NOT EXISTS (
    SELECT FROM clock_interval i WHERE (i.card_id = task.card_id OR i.card_id IS NULL AND i.task_id = task.id) AND i.ended_at IS NULL AND i.runs)
"""


async def untrue_clocks(session: AsyncSession) -> list[str]:
    """List what breaks I11, one sentence each, all intervals and all open tasks looked at.

    Left out are tasks that were planned before there were policies, and those whose card will be notified that their
    clock has changed: their deadline is moved within seconds.
    """
    intervals_of_ours = text(INTERVALS).bindparams(bindparam("own", _own_time(), expanding=True))
    found = list((await session.execute(intervals_of_ours)).scalars())
    async for tasks in _planned_tasks(session):
        found += await _misplanned(session, tasks)
    return found


async def _planned_tasks(session: AsyncSession) -> AsyncIterator[Sequence[WorkItemRow]]:
    ours = WorkItemRow.kind.not_in(_own_time())
    planned = (WorkItemRow.closed_at.is_(None), WorkItemRow.plan_version > 0, ~WorkItemRow.replan, ours)
    after = ""
    while True:
        wanted = select(WorkItemRow).where(*planned, WorkItemRow.id > after).order_by(WorkItemRow.id).limit(AT_ONCE)
        tasks = (await session.execute(wanted)).scalars().all()
        if not tasks:
            return
        yield tasks
        after = tasks[-1].id


def _own_time() -> list[str]:
    """The kinds of work that have several clocks of their own, which another check looks at."""
    return [kind.code for kind in kinds() if kind.keeps_own_time]


async def _misplanned(session: AsyncSession, tasks: Sequence[WorkItemRow]) -> list[str]:
    kept, found = await intervals(session, tasks), []
    policies = {version: await policies_of(session, version) for version in {task.plan_version for task in tasks}}
    for task in tasks:
        plan = replanned(policies[task.plan_version], task, kept[task.id], task.opened_at)
        if (task.warn_at, task.due_at) != (plan.warn_at, plan.due_at):
            stored = f"warned of at {task.warn_at} and due at {task.due_at}"
            found.append(f"task {task.id} is {stored} where {plan.warn_at} and {plan.due_at} follow from its intervals")
    return found
