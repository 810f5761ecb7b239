"""The one way by which a decision reaches its card: marked as sent first, and kept with the reason when the card refuses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from database.session import Database
from domain.errors.base import Refusal
from domain.errors.general import TemporarilyUnavailable
from services.review import due_decisions
from services.review.due_decisions import DueDecision
from services.review.undeliverable import not_taken

Decide = Callable[[str, str, str], Awaitable[object]]  # Tells a card (id) of a task's (id) decision (id).
_log = structlog.get_logger("dispatch")


class Dispatcher:
    """Tells cards of decisions by `decide`, for the background loop and for people alike."""

    def __init__(
        self, database: Database, decide: Decide, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._decide = decide
        self._now = now

    async def deliver(self, decision_id: str) -> bool:
        """Tell one decision at once; return False when it is not its time: it can be undone, needs a check, or has fallen.

        Raises what `tell` raises.
        """
        async with self._database.transaction() as session:
            # Committed before the card receives it: an undo from here on is refused.
            left = await due_decisions.send(session, self._now(), 1, only=decision_id, again=True)
        for one in left:
            await self.tell(one)
        return bool(left)

    async def tell(self, one: DueDecision) -> None:
        """Deliver to the card. Raises TemporarilyUnavailable (delivered again later), and the refusal of a card, which is kept."""
        try:
            await self._decide(one.card_id, one.task_id, one.decision_id)
        except TemporarilyUnavailable:
            _log.warning("decision waits", card=one.card_id, task=one.task_id)
            raise
        except Refusal as refused:
            async with self._database.transaction() as session:
                news = await not_taken(session, one.decision_id, refused, self._now())
            if news:
                _log.error("decision refused", card=one.card_id, task=one.task_id, kind=type(refused).__name__)
            raise
