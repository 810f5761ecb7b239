"""Deliver decisions to their cards once they can no longer be undone, and again until their card has applied them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from database.repositories.loop_faults import apart
from database.session import Database
from domain.errors.base import Refusal
from services.review import due_decisions
from services.review.dispatch import Dispatcher
from services.review.due_decisions import DueDecision
from workflows.client import CardClient

AT_ONCE = 10


class DecisionSender:
    """Tells cards their reviewers' decisions. One that is refused is kept with the reason, and its card asked no more."""

    def __init__(
        self, database: Database, desk: CardClient, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._desk = desk
        self._now = now

    async def tell(self) -> int:
        """Tells up to ten decisions, oldest first, and returns how many were taken. Raises DatabaseUnavailable."""
        async with self._database.transaction() as session:
            # Committed before the card receives it: an undo from here on is refused.
            due = await due_decisions.send(session, self._now(), AT_ONCE)
        return sum(await asyncio.gather(*(self._tell(one) for one in due)))

    async def _tell(self, one: DueDecision) -> bool:
        async with apart(self._database, due_decisions.LOOP, one.decision_id):
            return await self._deliver(one)
        return False

    async def _deliver(self, one: DueDecision) -> bool:
        try:
            await Dispatcher(self._database, self._desk.decide, self._now).tell(one)
        except Refusal:  # Kept by the dispatcher; the decision is delivered again later.
            return False
        return True
