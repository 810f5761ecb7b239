"""Index the tickets created before the search existed, newest first; after an interruption it continues with the next one."""

from __future__ import annotations

from sqlalchemy import select

from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.columns import now
from database.tables.support.tickets import TicketRow
from services.support import grams

LOOP = "ticket_backlog"


class SearchBacklog:
    """Writes what old tickets are found by. What is left is what `ticket.searchable` says, and nothing else is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def work_off(self, limit: int) -> int:
        """Index up to `limit` tickets, each in a transaction of its own, and return how many. Raises DatabaseUnavailable."""
        waiting = (
            select(TicketRow.id)
            .where(TicketRow.searchable.is_(False), ~left_out(LOOP, TicketRow.id, now()))
            .order_by(TicketRow.id.desc())
            .limit(limit)
        )
        async with self._database.transaction() as session:
            found = list((await session.execute(waiting)).scalars())
        done = 0
        for ticket_id in found:
            async with apart(self._database, LOOP, ticket_id), self._database.transaction() as session:
                await grams.index_old(session, ticket_id)
                done += 1
        return done
