"""The next step of a ticket by its rows: what is due is done, and the time of what comes next is returned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.support.tickets import TicketState
from services.support import clocks
from services.support.conversation import depart, locked
from services.support.handing import pass_offer
from services.support.ringing import ring
from services.support.silence import pass_time
from services.work import sla


@dataclass(frozen=True)
class TicketStep:
    """What comes next: nothing once it is over, else a look after `wait_s` seconds; None: once something has changed."""

    over: bool
    wait_s: int | None = None


async def advance(session: AsyncSession, ticket_id: str, now: datetime) -> TicketStep:
    """Do everything that is due of a ticket, once however often it is called. Refuse NotFound."""
    ticket, task = await locked(session, ticket_id)
    await _replanned(session, ticket, task, now)
    moments = [await pass_time(session, ticket, task, now), await ring(session, ticket, task, now)]
    moments.append(await pass_offer(session, ticket, now))
    await session.flush()
    await depart(session, ticket, now)
    moments.append(await _leaves(session, ticket.id))
    ahead = min((one for one in moments if one is not None), default=None)
    if ahead is None:
        return TicketStep(over=ticket.state is TicketState.CLOSED)
    return TicketStep(over=False, wait_s=max(1, ceil((ahead - now).total_seconds())))


async def _replanned(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime) -> None:
    """Plan the clocks again where a version of the policies, or what a person did with the item, has changed them."""
    if task.closed_at is not None:
        return
    if task.plan_version < sla.newest_version():
        await clocks.align(session, ticket, task, now, "policy_changed")
    elif task.replan:
        await clocks.align(session, ticket, task, now, "escalated" if task.escalated else "resumed")


async def _leaves(session: AsyncSession, ticket_id: str) -> datetime | None:
    """When the next reply leaves that can still be taken back."""
    waits = (
        TicketMessageRow.ticket_id == ticket_id, TicketMessageRow.sent_at.is_(None),
        TicketMessageRow.withdrawn_at.is_(None),
    )  # fmt: skip
    found: datetime | None = (
        await session.execute(select(func.min(TicketMessageRow.effective_at)).where(*waits))
    ).scalar_one()
    return found
