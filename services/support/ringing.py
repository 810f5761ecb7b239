"""The alarms of a ticket: each promise is warned of, breached and reported up its chain, once each, while the ticket is ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.clocks import planned, running, runs_of
from database.tables.support.tickets import TicketClockRow, TicketRow
from database.tables.work import WorkItemRow
from domain.identifiers import short
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission, Role, permissions_of
from domain.support.clocks import Moments, paused_since
from domain.support.tickets import UNDER_WAY
from domain.work.deadlines import Policy, Stretch
from domain.work.kinds import kind_of
from domain.work.task import Alarm
from services.notices.recipients import with_roles
from services.support.clocks import breached
from services.support.history import happened
from services.work import alarms, sla
from services.work.ordering import placed


async def ring(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime) -> datetime | None:
    """Send every alarm that is due; return when the next one is. None while the clocks are paused. The ticket is locked."""
    had = await sla.stretches(session, task)
    if ticket.state not in UNDER_WAY or paused_since(had) is not None:
        return None
    rows = (await runs_of(session, [ticket.id])).get(ticket.id, [])
    made = planned(await sla.policies_of(session, task.plan_version), ticket, task, rows, had, now)
    ahead: list[datetime] = []
    for kind, row in running(rows).items():
        if kind in made.runs:
            moments = made.runs[kind][1]
            await _ring_one(session, ticket, task, _Ringing(row, moments, made.policy, had), now)
            ahead += [one for one in (moments.warn_at, moments.due_at, *moments.chain) if one > now]
    marks = running(rows).values()
    task.warned_at = min((row.warned_at for row in marks if row.warned_at is not None), default=None)
    task.breached_at = min((row.breached_at for row in marks if row.breached_at is not None), default=None)
    placed(task, now)
    return min(ahead, default=None)


class _Ringing:
    """One run with what its alarms are judged by; each alarm is named by run and policy, so that a new policy rings again."""

    def __init__(self, row: TicketClockRow, moments: Moments, policy: Policy, had: Sequence[Stretch]) -> None:
        self.row, self.moments, self.policy, self.had = row, moments, policy, had

    def name(self, alarm: str) -> str:
        return f"{alarm}:{self.row.name}@{self.row.policy_version}-{self.row.policy}"


async def _ring_one(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, one: _Ringing, now: datetime
) -> None:  # fmt: skip
    late = one.moments.due_at <= now
    if one.row.warned_at is None and one.moments.warn_at <= now:
        one.row.warned_at = one.moments.warn_at
        if not late:  # Who hears that it is late need not hear that it will be.
            people = alarms.concerned(task, now)
            await _tell(session, ticket, task, one, NoticeKind.WARNING, Alarm.WARNING.value, "", people, now)
            happened(session, ticket, "machine", f"soon_{one.row.kind}", now)
    if not late:
        return
    if one.row.breached_at is None:
        breached(one.row, one.had)
        people = [*await _leads(session, task), *alarms.concerned(task, now)]
        await _tell(session, ticket, task, one, NoticeKind.BREACH, Alarm.BREACH.value, Role.SUPPORT_LEAD, people, now)
        happened(session, ticket, "machine", f"late_{one.row.kind}", now, desk=one.row.breached_by)
    for place, (step, at) in enumerate(zip(one.policy.chain, one.moments.chain, strict=True)):
        if at <= now:
            people = await alarms.of_step(session, task.team, step)
            await _tell(session, ticket, task, one, NoticeKind.CHAIN, f"chain:{place}", step.tells, people, now)


async def _tell(
    session: AsyncSession,
    ticket: TicketRow,
    task: WorkItemRow,
    one: _Ringing,
    kind: NoticeKind,
    alarm: str,
    role: str,
    people: Sequence[str],
    now: datetime,
) -> None:
    facts = {"ticket": short(ticket.id), "promise": one.row.kind.value, "due_at": one.moments.due_at.isoformat()}
    await alarms.announce(session, task, kind, one.name(alarm), role, people, now, **facts)


async def _leads(session: AsyncSession, task: WorkItemRow) -> list[str]:
    """Those who take what is escalated of this kind."""
    wanted: Permission = kind_of(task.kind).take_escalated
    return await with_roles(session, None, lambda roles: wanted in permissions_of(roles))
