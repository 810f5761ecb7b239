"""Requests of sellers as the seller and the agent read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.work import ReasonCodeRow, WorkItemRow
from domain.errors.general import NotFound
from domain.support.callbacks import CallbackWanted
from domain.work.reason_codes import ReasonedAct


@dataclass(frozen=True)
class CallbackView:
    """A request as its seller sees it; `answer` by locale, empty while it waits."""

    wanted: CallbackWanted
    words: str
    asked_at: datetime
    due_at: datetime  # By the deadline policies.
    closed_at: datetime | None
    answer: dict[str, str]


@dataclass(frozen=True)
class CallbackRecord:
    """A request with its work item and the names of who has it."""

    task: WorkItemRow
    request: CallbackRequestRow
    answer: dict[str, str]
    names: dict[str, str]


async def newest_of_card(session: AsyncSession, card_id: str) -> CallbackView | None:
    """Return the card's newest request; who may see it was asked before."""
    statement = (
        select(CallbackRequestRow, WorkItemRow.due_at)
        .join(WorkItemRow, WorkItemRow.id == CallbackRequestRow.id)
        .where(CallbackRequestRow.card_id == card_id)
        .order_by(CallbackRequestRow.asked_at.desc())
        .limit(1)
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        return None
    row, due_at = found
    return CallbackView(row.wanted, row.words, row.asked_at, due_at, row.closed_at, await _answer(session, row))


async def record(session: AsyncSession, task_id: str) -> CallbackRecord:
    """Return the request. Refuse NotFound."""
    row = await session.get(CallbackRequestRow, task_id)
    if row is None:
        raise NotFound(task=task_id[:64])
    task = await session.get_one(WorkItemRow, task_id)
    people = {one for one in (task.leased_by, task.assigned_to, row.closed_by) if one}
    names = await session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(people)))
    return CallbackRecord(task, row, await _answer(session, row), {one.id: one.name for one in names})


async def _answer(session: AsyncSession, row: CallbackRequestRow) -> dict[str, str]:
    reason = await session.get(ReasonCodeRow, (ReasonedAct.CLOSE_CALLBACK.value, row.reason_code))
    return {} if reason is None else {"zh_CN": reason.zh, "en": reason.en}
