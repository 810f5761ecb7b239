"""Tell the workflows of tickets what people did: a new ticket's starts, and a changed one's looks at its rows again."""

from __future__ import annotations

import structlog
from sqlalchemy import select, update

from database.session import Database
from database.tables.support.tickets import TicketRow
from domain.errors.general import TemporarilyUnavailable
from workflows.ticket_client import TicketClient

AT_ONCE = 50
_log = structlog.get_logger("tickets")


class TicketSender:
    """Signals tickets whose rows have changed since they last heard; one that does not run is started."""

    def __init__(self, database: Database, tickets: TicketClient) -> None:
        self._database = database
        self._tickets = tickets

    async def tell(self) -> int:
        """Tell up to fifty tickets and return how many. Raises DatabaseUnavailable."""
        wanted = (
            select(TicketRow.id, TicketRow.revision)
            .where(TicketRow.heard_revision < TicketRow.revision)
            .order_by(TicketRow.id)
            .limit(AT_ONCE)
        )
        async with self._database.reading() as session:
            found = (await session.execute(wanted)).all()
        for done, row in enumerate(found):
            try:
                await self._tickets.tell(row.id)
            except TemporarilyUnavailable:
                _log.warning("ticket waits", ticket=row.id)
                return done
            await self._heard(row.id, row.revision)
        return len(found)

    async def _heard(self, ticket_id: str, revision: int) -> None:
        heard = update(TicketRow).where(TicketRow.id == ticket_id, TicketRow.heard_revision < revision)
        async with self._database.transaction() as session:
            await session.execute(heard.values(heard_revision=revision))
