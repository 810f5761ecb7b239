"""End snoozes: a task returns automatically when its snooze ends; this notifies the person who snoozed it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from database.repositories.loop_faults import apart
from database.repositories.notices import tell
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.work import WorkItemRow
from domain.notices.kinds import NoticeKind

LOOP = "snoozes"


class Snoozes:
    """Notify people of returned tasks. Their place in the queue was written at the snooze and needs no update."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def tell_back(self, limit: int) -> int:
        """Tells of up to `limit` tasks, each once, and returns how many there were. Raises DatabaseUnavailable."""
        now = self._now()
        statement = select(WorkItemRow.id).where(*_over(now)).order_by(WorkItemRow.snoozed_until).limit(limit)
        async with self._database.reading() as session:
            found = list((await session.execute(statement)).scalars())
        done = 0
        for task_id in found:
            async with apart(self._database, LOOP, task_id):
                await self._back(task_id, now)
                done += 1
        return done

    async def _back(self, task_id: str, now: datetime) -> None:
        """Notify the person who snoozed the task; another worker may have done it in between."""
        statement = select(WorkItemRow).where(WorkItemRow.id == task_id, *_over(now)).with_for_update(skip_locked=True)
        async with self._database.transaction() as session:
            task = (await session.execute(statement)).scalar_one_or_none()
            if task is None:
                return
            key = f"{NoticeKind.CAME_BACK}:{task.id}:{task.snoozed_until}"
            who = [] if task.snoozed_by is None else [task.snoozed_by]
            await tell(
                session, who, NoticeKind.CAME_BACK, key,
                card_id=task.card_id, task_id=task.id, reason=task.came_back_reason,
            )  # fmt: skip
            task.snoozed_until = task.snoozed_by = None


def _over(now: datetime) -> tuple[Any, ...]:
    ended = (WorkItemRow.closed_at.is_(None), WorkItemRow.snoozed_until.is_not(None), WorkItemRow.snoozed_until <= now)
    return (*ended, ~left_out(LOOP, WorkItemRow.id, now))
