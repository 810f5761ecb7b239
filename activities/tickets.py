"""The step of a ticket: everything that is due by its rows is done, and its workflow hears when to look again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import translated
from database.session import Database
from services.support.advancing import TicketStep, advance


class TicketActivities:
    """The activity of tickets."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    @activity.defn(name="tickets.advance")
    @translated
    async def advance(self, ticket_id: str) -> TicketStep:
        """Do what is due and return what comes next; called again, it sends nothing twice."""
        async with self._database.transaction() as session:
            return await advance(session, ticket_id, self._now())
