"""Who has a piece of work, until when, and what this person can do with it: for pages of kinds that hold up no card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.work.queue import reason_words
from database.tables.columns import now
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.people.roles import Permission
from domain.work.eligibility import Ineligible, why_not
from domain.work.kinds import kind_of
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from domain.work.snooze import SnoozeUntil
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from services.people.acting import standing
from services.work.task_facts import task_facts


@dataclass(frozen=True)
class ItemDesk:
    """The piece of work as this person sees it; `outcomes` are those of its kind."""

    task_id: str
    kind: str
    open: bool
    due_at: datetime
    late: bool
    soon: bool
    escalated: bool
    holder: str
    held_by_me: bool
    why_not: tuple[Ineligible, ...]
    may_take_over: bool
    snoozed_until: datetime | None
    outcomes: tuple[ReasonView, ...]
    snooze_reasons: tuple[ReasonView, ...]
    escalate_reasons: tuple[ReasonView, ...]
    take_over_reasons: tuple[ReasonView, ...]
    moments: tuple[SnoozeUntil, ...]


async def item_desk(session: AsyncSession, person: Person, task: WorkItemRow) -> ItemDesk:
    """Return the piece of work as this person sees it at this moment."""
    moment, kind = now(), kind_of(task.kind)
    reasons = await reason_words(session)
    keeps = why_not(await standing(session, person.id, moment), await task_facts(session, task), moment)
    holder, is_open = holder_of(task, moment), task.closed_at is None
    named = None if holder is None else await session.get(PersonRow, holder)
    acts = (kind.closes, ReasonedAct.SNOOZE, ReasonedAct.ESCALATE, ReasonedAct.TAKE_OVER)
    outcomes, snooze, escalate, take_over = (
        tuple(reason_view(one) for one in reasons.values() if one.act == act and one.active) for act in acts
    )
    return ItemDesk(
        task_id=task.id, kind=task.kind, open=is_open, due_at=task.due_at, late=is_open and task.due_at < moment,
        soon=is_open and task.warn_at <= moment <= task.due_at, escalated=is_open and task.escalated,
        holder="" if named is None else named.name, held_by_me=is_open and holder == person.id,
        why_not=keeps if is_open else (), may_take_over=person.may(Permission.TAKE_OVER) and holder not in (None, person.id),
        snoozed_until=task.snoozed_until if task.snoozed_until and task.snoozed_until > moment else None,
        outcomes=outcomes, snooze_reasons=snooze, escalate_reasons=escalate, take_over_reasons=take_over,
        moments=tuple(one for one in SnoozeUntil if one is not SnoozeUntil.MOMENT),
    )  # fmt: skip
