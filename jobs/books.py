"""Keep balances quick: checkpoints of accounts that were used, the end of holds that nobody posted in time, and the balances
of closed months.
"""

from __future__ import annotations

from dataclasses import replace

from database.repositories import checkpoints, holds
from database.repositories.checkpoints import Mark
from database.session import Database
from services.finance.periods import catch_up

HOLDS_AT_ONCE, ENTRIES_AT_ONCE = 100, 50_000


class Bookkeeper:
    """Remembers how far it came; a fresh process goes on from the newest checkpoint, so many entries at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._since = 0
        self._mark: Mark | None = None

    async def look(self) -> int:
        """Write checkpoints up to the last mark if all that was open then has ended, and set the next; return how many.

        Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            expired = await holds.expire(session, HOLDS_AT_ONCE)
            expired += await catch_up(session)
            if self._mark is None:
                self._since, self._mark = await checkpoints.newest(session), await checkpoints.mark(session)
                return expired
            if self._mark.upto > self._since and not await checkpoints.settled(session, self._mark):
                return expired
            upto = min(self._mark.upto, self._since + ENTRIES_AT_ONCE)
            done = 0
            if upto > self._since:
                done = await checkpoints.write(session, self._since, replace(self._mark, upto=upto))
            if upto >= self._mark.upto:
                self._mark = await checkpoints.mark(session)
            self._since = upto
        return expired + done
