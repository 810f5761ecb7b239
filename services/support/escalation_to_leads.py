"""Escalate a ticket to the leads: it leaves its agent, comes first in the queue, and its clock is the leads'."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from services.people.permissions import require
from services.support import clocks
from services.support.agents import changeable
from services.support.desk import SupportDesk
from services.support.following import tell_followers
from services.support.history import happened
from services.work.leases import audited, require_held
from services.work.reason_codes import require_reason
from services.work.task_acts import raise_to_seniors


@dataclass(frozen=True)
class EscalationToLeads:
    """Escalates tickets. `person` is a person's id."""

    desk: SupportDesk

    async def escalate(self, person: str, ticket_id: str, reason_code: str) -> None:
        """Hand a ticket that the person holds to the leads. Refuse NotAllowed, what `require_held` refuses, ReasonUnknown."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            now = self.desk.now()
            ticket, task = await changeable(session, person, ticket_id, now)
            require_held(task, person, now)
            await raise_ticket(session, ticket, task, person, reason_code, now)


async def raise_ticket(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, person: str, reason_code: str, now: datetime
) -> None:  # fmt: skip
    """Hand a locked ticket to the leads, with history and clocks. Refuse ReasonUnknown."""
    await require_reason(session, ReasonedAct.ESCALATE, reason_code)
    raise_to_seniors(task, reason_code, now)
    session.add(audited(person, "escalated", task.id, reason_code))
    happened(session, ticket, f"person:{person}", "escalated", now, reason=reason_code)
    await tell_followers(session, ticket, f"person:{person}", "escalated", now)
    await clocks.follow(session, ticket, task, now, "escalated")
