"""I11 of tickets: each promise's clock is what intervals, state and policies say. Run with the other invariants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.clocks import planned, running, runs_of
from database.reads.work.sla import intervals, policies_of
from database.tables.support.tickets import TicketClockRow, TicketRow
from database.tables.work import WorkItemRow
from domain.support.tickets import UNDER_WAY
from domain.work.deadlines import Policies, Stretch

AT_ONCE = 500

STATES = """
SELECT 'ticket ' || ticket.id || ' has ended and its promise ' || name || ' is open'
FROM ticket_clock clock JOIN ticket ON ticket.id = clock.ticket_id
WHERE state IN ('solved', 'closed') AND met_at IS NULL AND void_at IS NULL
UNION ALL
SELECT 'ticket ' || ticket.id || ' is ' || state || ' and is the time of ' || coalesce(owner, 'nobody')
FROM ticket LEFT JOIN clock_interval i ON i.task_id = ticket.task_id AND i.card_id IS NULL AND i.ended_at IS NULL
WHERE (state IN ('solved', 'closed')) <> (owner IS NULL)
   OR (state = 'waiting_customer') <> (owner IS NOT DISTINCT FROM 'customer')
UNION ALL
SELECT 'promise ' || name || ' of ticket ' || ticket_id || ' was both kept and ended'
FROM ticket_clock WHERE met_at IS NOT NULL AND void_at IS NOT NULL
"""


async def untrue_ticket_clocks(session: AsyncSession) -> list[str]:
    """Return what is untrue, one sentence each; left out are tickets whose workflow is about to plan them again."""
    found = list((await session.execute(text(STATES))).scalars())
    async for tickets in _open_tickets(session):
        found += await _misplanned(session, tickets)
    return found


async def _open_tickets(session: AsyncSession) -> AsyncIterator[Sequence[tuple[TicketRow, WorkItemRow]]]:
    judged = (TicketRow.state.in_(UNDER_WAY), WorkItemRow.plan_version > 0, ~WorkItemRow.replan)
    after = ""
    while True:
        wanted = select(TicketRow, WorkItemRow).join(WorkItemRow, WorkItemRow.id == TicketRow.task_id)
        page = wanted.where(*judged, TicketRow.id > after).order_by(TicketRow.id).limit(AT_ONCE)
        found = [(ticket, task) for ticket, task in await session.execute(page)]
        if not found:
            return
        yield found
        after = found[-1][0].id


async def _misplanned(session: AsyncSession, tickets: Sequence[tuple[TicketRow, WorkItemRow]]) -> list[str]:
    had = await intervals(session, [task for _, task in tickets])
    rows = await runs_of(session, [ticket.id for ticket, _ in tickets])
    policies = {version: await policies_of(session, version) for version in {task.plan_version for _, task in tickets}}
    found: list[str] = []
    for ticket, task in tickets:
        found += _untrue(ticket, task, policies[task.plan_version], rows.get(ticket.id, []), had[task.id])
    return found


def _untrue(
    ticket: TicketRow, task: WorkItemRow, policies: Policies, rows: Sequence[TicketClockRow], had: Sequence[Stretch]
) -> list[str]:
    made, kept = planned(policies, ticket, task, rows, had, ticket.opened_at), running(rows)
    if set(made.runs) != set(kept):
        due, stored = (", ".join(sorted(one)) or "none" for one in (made.runs, kept))
        return [f"ticket {ticket.id} is {ticket.state} and has open {stored} where its promises are {due}"]
    found = []
    for kind, (run, moments) in made.runs.items():
        row = kept[kind]
        if (row.budget_s, row.warn_at, row.due_at) != (run.allowed_s, moments.warn_at, moments.due_at):
            found.append(f"promise {row.name} of ticket {ticket.id} is due {row.due_at} where {moments.due_at} follows")
    if (task.warn_at, task.due_at) != (made.warn_at, made.due_at):
        found.append(f"ticket {ticket.id} is due {task.due_at} where its clocks say {made.due_at}")
    return found
