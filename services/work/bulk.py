"""Bulk actions: one action on many tasks, each in its own transaction; the results are kept for the requester."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from database.repositories.audit import by_person
from database.session import Database, DatabaseUnavailable
from database.tables.people import AuditRow
from database.tables.work import WorkItemRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound, TemporarilyUnavailable
from domain.errors.work import TaskNotHeld
from domain.identifiers import new_id
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from services.work.leases import held_by_another
from services.work.reason_codes import require_reason
from services.work.task_acts import TaskActs

ITEMS_MAX = 100
ACT = "console:task:bulk"
# What is asked for is recorded as it was sent, so it must look like what a page sends, and not like a card's number.
_ID = re.compile("[0-9A-Z]{26}")
_TASK = re.compile(
    "(?!work:)[a-z]{1,20}:(?![0-9]{1,25}:)[0-9A-Z]{1,26}:[a-z]{1,20}:[0-9]{1,9}|work:[a-z]{1,20}:(?![0-9]{26})[0-9A-Z]{26}"
)


@dataclass(frozen=True)
class Done:
    """What became of one task: done, or refused by the refusal of this code with its data."""

    task_id: str
    code: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """What was asked of many tasks at once, and what became of each, in the order they were given."""

    id: str
    act: str
    facts: dict[str, str]
    results: tuple[Done, ...]


class Bulk:
    """Assign, snooze and release many tasks. `person` is the id of the requester; every task is checked separately."""

    def __init__(self, database: Database, tasks: TaskActs) -> None:
        self._database = database
        self._tasks = tasks

    async def assign(self, person: str, tasks: Sequence[str], to: str) -> str:
        """Gives the tasks to one colleague (id); returns the batch's id. Refuses FieldInvalid (`task`, `to`)."""
        if not _ID.fullmatch(to):
            raise FieldInvalid(field="to", why="missing")
        return await self._each(
            person, tasks, "assign", lambda task_id: self._tasks.assign(person, task_id, to), {"to": to}
        )

    async def snooze(self, person: str, tasks: Sequence[str], until: datetime, reason_code: str) -> str:
        """Puts the tasks off until a moment, for a reason of the list; returns the batch's id.

        Refuses FieldInvalid (`task`, `snooze_reason`) and ReasonUnknown.
        """
        if not reason_code:
            raise FieldInvalid(field="snooze_reason", why="missing")
        async with self._database.transaction() as session:
            await require_reason(
                session, ReasonedAct.SNOOZE, reason_code
            )  # Nothing but a code of the list is recorded.
        facts = {"until": until.isoformat(), "reason": reason_code}
        return await self._each(
            person, tasks, "snooze", lambda task_id: self._tasks.snooze(person, task_id, until, reason_code), facts
        )

    async def release(self, person: str, tasks: Sequence[str]) -> str:
        """Release the person's leases and withdraw their assignments; return the batch's id."""
        return await self._each(person, tasks, "release", lambda task_id: self._released(person, task_id), {})

    async def batch(self, person: str, batch_id: str) -> Batch:
        """Return what became of a batch of this person's. Refuses NotFound for another person's."""
        own = (AuditRow.subject == batch_id, AuditRow.act == ACT, AuditRow.actor == f"person:{person}")
        async with self._database.transaction() as session:
            row = (await session.execute(select(AuditRow).where(*own))).scalar_one_or_none()
        if row is None:
            raise NotFound(batch=batch_id[:26])
        results = tuple(Done(**one) for one in row.facts["results"])
        return Batch(batch_id, row.facts["act"], row.facts["asked"], results)

    async def _each(
        self,
        person: str,
        tasks: Sequence[str],
        act: str,
        one: Callable[[str], Awaitable[None]],
        asked: dict[str, str],
    ) -> str:
        wanted = list(dict.fromkeys(tasks))
        if not 0 < len(wanted) <= ITEMS_MAX:
            raise FieldInvalid(field="task", why="missing" if not wanted else "too_many")
        if not all(_TASK.fullmatch(task_id) for task_id in wanted):
            raise FieldInvalid(field="task", why="not_a_choice")
        results = [await _tried(task_id, one) for task_id in wanted]
        facts = {"act": act, "asked": asked, "results": [result.__dict__ for result in results]}
        row = by_person(person, ACT, new_id(), reason=asked.get("reason", ""), facts=facts)
        async with self._database.transaction() as session:
            session.add(row)
        return row.subject

    async def _released(self, person: str, task_id: str) -> None:
        async with self._database.transaction() as session:
            task = await session.get(WorkItemRow, task_id)
        if task is None:
            raise NotFound(task=task_id[:64])
        holder = holder_of(task, datetime.now(UTC))
        if holder == person:
            await self._tasks.release(person, task_id)
        elif holder is not None:
            raise held_by_another(task)
        elif task.assigned_to is None:
            raise TaskNotHeld()
        if task.assigned_to is not None:
            await self._tasks.unassign(person, task_id)


async def _tried(task_id: str, one: Callable[[str], Awaitable[None]]) -> Done:
    """The act on one task; what it is refused for does not keep the others from it."""
    try:
        await one(task_id)
    except Refusal as refusal:
        return Done(task_id, refusal.code, dict(refusal.data))
    except DatabaseUnavailable:
        return Done(task_id, TemporarilyUnavailable.code)
    return Done(task_id)
