"""Why a work item of any kind is due when it is: its policy, calendar, pauses and earlier plans as sentences."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.work.sla import replanned
from database.tables.work import ClockPlanRow, WorkItemRow
from domain.work.kinds import kinds
from domain.work.why_due import PlanMade, Sentence, explain
from services.work import sla


async def why_card_is_due(session: AsyncSession, card_id: str, now: datetime) -> tuple[Sentence, ...]:
    """Explain the deadline of the item that holds up the card, or that did last; nothing for a card that no item ever held."""
    holding = [kind.code for kind in kinds() if kind.holds_card]
    own = (WorkItemRow.card_id == card_id, WorkItemRow.kind.in_(holding))
    newest = select(WorkItemRow).where(*own).order_by(WorkItemRow.opened_at.desc()).limit(1)
    task = (await session.execute(newest)).scalar_one_or_none()
    return () if task is None else await why_due(session, task, now)


async def why_due(session: AsyncSession, task: WorkItemRow, now: datetime) -> tuple[Sentence, ...]:
    """Explain the item's deadline by the version of the policies that its clock was planned with."""
    policies, clock = await sla.policies_of(session, task.plan_version), await sla.stretches(session, task)
    plan = replanned(policies, task, clock, now)
    return explain(policies, sla.terms_of(task), plan, task.id, clock, await plans_of(session, task.id), now)


async def plans_of(session: AsyncSession, task_id: str) -> list[PlanMade]:
    """Return the plannings of an item's clock that were kept, oldest first."""
    wanted = select(ClockPlanRow).where(ClockPlanRow.task_id == task_id).order_by(ClockPlanRow.at, ClockPlanRow.id)
    rows = (await session.execute(wanted)).scalars()
    return [PlanMade(row.at, row.why, row.policy_version, row.due_at) for row in rows]
