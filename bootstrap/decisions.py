"""Decisions leave for their cards once they can no longer be undone, and are told again until their card has applied them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from activities import leaving
from activities.leaving import Leaving
from activities.loop_faults import apart
from activities.undelivered import not_taken
from database.session import Database
from domain.refusals import Refusal, TemporarilyUnavailable
from workflows.desk import CardDesk

AT_ONCE = 10
_log = structlog.get_logger("teller")


class Teller:
    """Tells cards their reviewers' decisions. One that is refused is kept with the reason, and its card asked no more."""

    def __init__(
        self, database: Database, desk: CardDesk, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._desk = desk
        self._now = now

    async def tell(self) -> int:
        """Tells up to ten decisions, oldest first, and returns how many were taken. Raises DatabaseUnavailable."""
        async with self._database.transaction() as session:
            # Committed before a card hears of it: whoever undoes one of these from here on is refused.
            due = await leaving.send(session, self._now(), AT_ONCE)
        return sum(await asyncio.gather(*(self._tell(one) for one in due)))

    async def _tell(self, one: Leaving) -> bool:
        try:
            async with apart(self._database, leaving.LOOP, one.decision_id):
                return await self._told(one)
        except TemporarilyUnavailable:
            _log.warning("decision waits", card=one.card_id, task=one.task_id)  # Told again at a later look.
        return False

    async def _told(self, one: Leaving) -> bool:
        """Whether the card took the decision. Raises TemporarilyUnavailable."""
        try:
            await self._desk.decide(one.card_id, one.task_id, one.decision_id)
        except TemporarilyUnavailable:
            raise
        except Refusal as refused:
            async with self._database.transaction() as session:
                news = await not_taken(session, one.decision_id, refused, self._now())
            if news:
                _log.error("decision refused", card=one.card_id, task=one.task_id, kind=type(refused).__name__)
            return False
        return True
