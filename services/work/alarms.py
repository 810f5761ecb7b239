"""What a clock does to an item of any kind: warning, breach and the chain after it are sent once each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.notices import tell
from database.tables.people import PersonRow
from database.tables.work import AlarmRow, WorkItemRow
from domain.identifiers import short
from domain.notices.kinds import NoticeKind
from domain.people.roles import Role
from domain.work.deadlines import ChainStep, ClockOwner, ClockPlan, Policy
from domain.work.kinds import kind_of
from domain.work.lease import holder_of
from domain.work.task import Alarm, TaskPhase
from services.notices.recipients import seniors, with_roles
from services.work import sla
from services.work.ordering import placed
from services.work.story import record

END = "end"  # The alarm's name of the policy's own decision.


async def locked(session: AsyncSession, task_id: str) -> WorkItemRow:
    """Return the item, locked until the transaction ends."""
    return await session.get_one(WorkItemRow, task_id, with_for_update=True, populate_existing=True)


async def sound(session: AsyncSession, task: WorkItemRow, alarm: Alarm, now: datetime) -> None:
    """Alarm that the locked item is due soon, or is late and escalated; a closed one is left alone, and nothing is sent twice."""
    if task.closed_at is not None:
        return
    warning = alarm is Alarm.WARNING
    people = [*([] if warning else await seniors(session, task.team)), *concerned(task, now)]
    kind = NoticeKind.WARNING if warning else NoticeKind.BREACH
    if not await announce(session, task, kind, alarm.value, "" if warning else Role.SENIOR.value, people, now):
        return
    if warning:
        task.warned_at = task.warned_at or now
    else:
        await _breach(session, task, now)
    placed(task, now)
    await record(session, task, alarm.value, {})


async def sound_chain(session: AsyncSession, task: WorkItemRow, step: int, now: datetime) -> bool:
    """Notify the `step`-th (from 0) of the policy's chain, once, while a late, locked item is still open; return whether it was now."""
    chain = (await policy_of(session, task)).chain
    if task.closed_at is not None or step >= len(chain):
        return False
    name = f"chain:{step}"
    people = await of_step(session, task.team, chain[step])
    first = await announce(session, task, NoticeKind.CHAIN, name, chain[step].tells, people, now)
    if first:
        await record(session, task, "reminded", {})
    return first


async def replan(session: AsyncSession, task: WorkItemRow, now: datetime) -> ClockPlan:
    """Plan the locked item's clock by the policies in force now; alarms already sent stay sent. A closed item keeps its plan."""
    newest = sla.newest_version()
    why = "escalated" if task.plan_version == newest and task.escalated else "policy_changed"
    before = task.due_at
    planned = await sla.plan(session, task, now, why)
    if task.closed_at is None:
        placed(task, now)
        if task.due_at != before:
            await record(session, task, "replanned", {})
    return planned


async def policy_of(session: AsyncSession, task: WorkItemRow) -> Policy:
    """Return the policy that the item's clock was planned with."""
    return (await sla.policies_of(session, task.plan_version)).policy_for(sla.terms_of(task))


async def sounded(session: AsyncSession, task: WorkItemRow, alarm: str, role: str, now: datetime) -> bool:
    """Write the alarm down; return False when it was sent before."""
    return await insert_once(session, AlarmRow(task_id=task.id, alarm=alarm, role=role, at=now))


async def announce(
    session: AsyncSession,
    task: WorkItemRow,
    kind: NoticeKind,
    alarm: str,
    role: str,
    people: Sequence[str],
    now: datetime,
    **facts: str,
) -> bool:
    """Notify people (ids) of an alarm, once by its name; return whether it was now. `facts` are put over those of every item."""
    if not await sounded(session, task, alarm, role, now):
        return False
    said = {"due_at": task.due_at.isoformat(), "card": short(task.card_id or task.id), **facts}
    await tell(session, people, kind, f"{alarm}:{task.id}", card_id=task.card_id, task_id=task.id, **said)
    return True


async def _breach(session: AsyncSession, task: WorkItemRow, now: datetime) -> None:
    """Late: a senior's from now on; an outcome that waits for a check stays a checker's, a senior one."""
    task.breached_at = task.breached_at or now
    task.escalated = task.escalated or kind_of(task.kind).breach_escalates
    if task.phase is TaskPhase.REVIEW and kind_of(task.kind).holds_card:
        await sla.pass_to(session, task, ClockOwner.SENIOR, now)


def concerned(task: WorkItemRow, now: datetime) -> list[str]:
    """Return who holds the item, and who is to take it."""
    return [one for one in (holder_of(task, now), task.assigned_to) if one is not None]


async def of_step(session: AsyncSession, team: str, step: ChainStep) -> list[str]:
    """Return the people of a step: one person, team members for roles that work in teams, all members of other roles."""
    if step.role is None:
        return [step.person] if await session.get(PersonRow, step.person) is not None else []
    wanted = step.role
    of_team = wanted in (Role.REVIEWER, Role.SENIOR)
    return await with_roles(session, team if of_team else None, lambda roles: wanted in roles)
