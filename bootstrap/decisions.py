"""Decisions that are written down but never reached their card, e.g. because the console died in between, are told again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select

from database.session import Database
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain.refusals import Refusal, TemporarilyUnavailable
from workflows.desk import CardDesk

OLDER_THAN = timedelta(seconds=10)  # Younger ones are being told by the console itself.
AT_ONCE = 10
_DECISION: Any = ReviewDecisionRow  # Attributes of models are columns in a statement.
_TASK: Any = ReviewTaskRow
_log = structlog.get_logger("teller")


class Teller:
    """Tells cards their reviewers' decisions. A card that refuses one is named in the log once and asked no more."""

    def __init__(
        self, database: Database, desk: CardDesk, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._desk = desk
        self._now = now
        self._refused: set[str] = set()

    async def tell(self) -> int:
        """Tells up to ten decisions, oldest first, and returns how many were taken. Raises DatabaseUnavailable."""
        return sum(await asyncio.gather(*(self._tell(*found) for found in await self._untold())))

    async def _untold(self) -> list[tuple[str, str, str]]:
        """Card, task and decision of each that waits."""
        waits = (
            _DECISION.applied_at.is_(None),
            _TASK.closed_at.is_(None),
            _DECISION.made_at < self._now() - OLDER_THAN,
            _DECISION.id.not_in(self._refused),
        )
        statement = (
            select(_DECISION.card_id, _DECISION.task_id, _DECISION.id)
            .join(ReviewTaskRow, _TASK.id == _DECISION.task_id)
            .where(*waits)
            .order_by(_DECISION.made_at, _DECISION.id)
            .limit(AT_ONCE)
        )
        async with self._database.transaction() as session:
            return [(card, task, decision) for card, task, decision in await session.execute(statement)]

    async def _tell(self, card_id: str, task_id: str, decision_id: str) -> bool:
        try:
            await self._desk.decide(card_id, task_id, decision_id)
        except TemporarilyUnavailable:
            _log.warning("decision waits", card=card_id, task=task_id)  # Told again at the next look.
            return False
        except Refusal as refused:
            self._refused.add(decision_id)
            _log.error("decision refused", card=card_id, task=task_id, kind=type(refused).__name__)
            return False
        return True
