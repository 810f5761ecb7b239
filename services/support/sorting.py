"""Set a ticket's category, cause, priority and language, and who follows it. Each change is in its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid
from domain.people.roles import Permission
from domain.support.tickets import TicketCategory
from domain.work.reason_codes import ReasonedAct
from domain.work.task import Priority
from services.people.permissions import require
from services.support import clocks
from services.support.agents import changeable, require_open
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.history import happened
from services.work.reason_codes import require_reason

LANGUAGES = ("zh_CN", "en")


@dataclass(frozen=True)
class Sorted:
    """What is to be changed; None leaves a trait as it is, an empty cause takes it away."""

    category: TicketCategory | None = None
    cause: str | None = None
    priority: Priority | None = None
    language: str | None = None


@dataclass(frozen=True)
class Sorting:
    """Changes of what a ticket is. `person` is a person's id."""

    desk: SupportDesk

    async def change(self, person: str, ticket_id: str, to: Sorted) -> None:
        """Change the traits that differ. Refuse what `changeable` refuses, ReasonUnknown and FieldInvalid (`language`)."""
        async with self.desk.database.transaction() as session:
            now = self.desk.now()
            ticket, task = await changeable(session, person, ticket_id, now)
            await sort(session, ticket, task, person, to, now)

    async def follow(self, person: str, ticket_id: str, *, on: bool) -> None:
        """Have the person notified of the ticket, or no longer. Refuse NotAllowed, NotFound and TicketEnded."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.SEE_TICKETS)
            ticket, _ = await locked(session, ticket_id)
            if on:
                require_open(ticket)
            if (person in ticket.followers) == on:
                return
            others = [one for one in ticket.followers if one != person]
            ticket.followers = [*others, person] if on else others
            happened(session, ticket, f"person:{person}", "followed" if on else "unfollowed", self.desk.now())


async def sort(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, person: str, to: Sorted, now: datetime
) -> Mapping[str, tuple[str, str]]:
    """Change the traits of a locked ticket; return those that differ with their former and new codes."""
    wanted = {
        "category": None if to.category is None else to.category.value, "cause": to.cause,
        "priority": None if to.priority is None else to.priority.value, "language": to.language,
    }  # fmt: skip
    was = {
        "category": ticket.category.value, "cause": ticket.cause, "priority": task.priority.value,
        "language": ticket.language,
    }  # fmt: skip
    changed = {name: (was[name], new) for name, new in wanted.items() if new is not None and new != was[name]}
    if not changed:
        return {}
    if "cause" in changed and to.cause:
        await require_reason(session, ReasonedAct.TICKET_CAUSE, to.cause)
    if "language" in changed and to.language not in LANGUAGES:
        raise FieldInvalid(field="language", why="not_a_choice")
    ticket.category, ticket.cause = to.category or ticket.category, ticket.cause if to.cause is None else to.cause
    ticket.language, task.priority = to.language or ticket.language, to.priority or task.priority
    task.language, task.reasons = ticket.language, [ticket.category.value]
    for name, (former, new) in changed.items():
        happened(session, ticket, f"person:{person}", f"{name}_changed", now, **{"from": former, "to": new})
    await clocks.follow(session, ticket, task, now, "policy_changed")
    return changed
