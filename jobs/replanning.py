"""Notify workflows of cards whose task's clock has changed, by a new version of the policies or by a person's action."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.work import WorkItemRow
from domain.errors.general import TemporarilyUnavailable
from domain.work.kinds import KindOfWork, kinds
from services.work import sla

LOOP = "replanner"
AT_ONCE = 20
LOOKED_AGAIN_AFTER = timedelta(minutes=5)  # For a task that opened by the old version while the new one was saved.
ASKED_AGAIN_AFTER = timedelta(minutes=1)  # Time for the card to plan its clock before it is notified again.
_log = structlog.get_logger("replanner")


class Planner(Protocol):
    """Has the workflow of an item plan its clock again: the client of cards, or of tickets."""

    async def replan(self, card_id: str, task_id: str) -> None:
        """Tell the workflow; `card_id` is empty for an item without a card. Raises TemporarilyUnavailable."""


class Replanner:
    """Signals the workflows of open tasks that were planned otherwise than they would be now; they plan and move their timers.

    `of` says whose workflows `desk` reaches.
    """

    def __init__(
        self,
        database: Database,
        desk: Planner,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        of: Callable[[KindOfWork], bool] = lambda kind: kind.holds_card,
    ) -> None:
        self._of = of
        self._database = database
        self._desk = desk
        self._now = now
        self._settled: tuple[int, datetime] | None = None  # No open task was of an older version than this, then.
        self._asked: dict[str, datetime] = {}  # Signals change nothing twice; this only keeps them few.

    async def signal(self) -> int:
        """Notify up to forty cards and return how many. Raises DatabaseUnavailable."""
        since = self._now() - ASKED_AGAIN_AFTER
        self._asked = {task: at for task, at in self._asked.items() if at > since}
        return sum(await asyncio.gather(*(self._tell(*found) for found in await self._outdated())))

    async def _outdated(self) -> list[tuple[str, str]]:
        """Card and task of each. Version 0 was planned before there were policies, and stays."""
        async with self._database.reading() as session:
            found = await self._found(session, WorkItemRow.replan)
            newest = sla.newest_version()
            if self._may_be_older(newest):
                older = await self._found(
                    session, and_(WorkItemRow.plan_version > 0, WorkItemRow.plan_version < newest)
                )
                self._settled = None if older or self._asked else (newest, self._now())
                found += [one for one in older if one not in found]
        return found

    def _may_be_older(self, newest: int) -> bool:
        """Reading all open tasks costs something, so it is done when there is a new version, and seldom otherwise."""
        if self._settled is None:
            return True
        version, at = self._settled
        return version != newest or at < self._now() - LOOKED_AGAIN_AFTER

    async def _found(self, session: AsyncSession, outdated: Any) -> list[tuple[str, str]]:
        """The soonest due first."""
        statement = (
            select(WorkItemRow.card_id, WorkItemRow.id)
            .where(
                WorkItemRow.kind.in_([kind.code for kind in kinds() if self._of(kind)]),
                WorkItemRow.closed_at.is_(None),
                outdated,
                WorkItemRow.id.not_in(self._asked),
                ~left_out(LOOP, WorkItemRow.id, self._now()),
            )
            .order_by(WorkItemRow.due_at, WorkItemRow.id)
            .limit(AT_ONCE)
        )
        return [(card or "", task) for card, task in await session.execute(statement)]

    async def _tell(self, card_id: str, task_id: str) -> bool:
        self._asked[task_id] = self._now()
        try:
            async with apart(self._database, LOOP, task_id):
                await self._desk.replan(card_id, task_id)
                return True
        except TemporarilyUnavailable:
            _log.warning("clock waits", card=card_id, task=task_id)  # Signalled again at a later look.
        return False
