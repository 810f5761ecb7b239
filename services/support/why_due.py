"""Why a ticket is due when it is, by the version of the policies that its clocks were planned with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.clocks import planned, running, runs_of
from database.tables.people import PersonRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.places import business_day
from domain.rules.tickets import tickets_in_force
from domain.support.tickets import TicketCategory
from domain.support.why_due import Ended, TicketClocks, explain_ticket
from domain.work.kinds import subject_of
from domain.work.why_due import Sentence
from services.work import sla
from services.work.why_due import plans_of


async def why_ticket_is_due(session: AsyncSession, task: WorkItemRow, now: datetime) -> tuple[Sentence, ...]:
    """Explain the deadlines of the ticket of this work item."""
    ticket = await session.get_one(TicketRow, subject_of(task.id))
    rows = (await runs_of(session, [ticket.id])).get(ticket.id, [])
    had = await sla.stretches(session, task)
    made = planned(await sla.policies_of(session, task.plan_version), ticket, task, rows, had, now)
    open_ones = {row.name for row in running(rows).values()}
    ended = [Ended(row.kind, row.due_at, row.met_at, row.void_at) for row in rows if row.name not in open_ones]
    people = {one.person for one in had if one.person}
    named = await session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(people)))
    rules = tickets_in_force(business_day(now))
    clocks = TicketClocks(
        policy=made.policy, version=made.version, calendar=made.calendar, runs=made.runs, ended=ended, had=had,
        plans=await plans_of(session, task.id),
        unverified=ticket.category is TicketCategory.PRIVACY and not rules.privacy_time_verified,
        names={one.id: one.name for one in named},
    )  # fmt: skip
    return explain_ticket(clocks, now)
