"""Keep balances quick: checkpoints of accounts that were used, the end of holds that were not posted in time, and the balances
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
    """Remembers how far it came; a fresh process continues from the newest checkpoint, so many entries at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._since = 0
        self._mark: Mark | None = None

    async def look(self) -> int:
        """End holds, write checkpoints up to the last mark if all that was open then has ended, set the next, and keep balances of
        closed months; return how much was done. Each has a transaction of its own, and one that fails stops none of the others.

        Raises DatabaseUnavailable, or what the first that failed raised, after all were tried.
        """
        done, failed = 0, list[Exception]()
        for one in (self._expire, self._checkpoint, self._catch_up):
            try:
                done += await one()
            except Exception as error:  # noqa: BLE001  # Raised below, once the others have had their turn.
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    async def _expire(self) -> int:
        async with self._database.transaction() as session:
            return await holds.expire(session, HOLDS_AT_ONCE)

    async def _catch_up(self) -> int:
        return await catch_up(self._database)

    async def _checkpoint(self) -> int:
        async with self._database.transaction() as session:
            if self._mark is None:
                self._since, self._mark = await checkpoints.newest(session), await checkpoints.mark(session)
                return 0
            if self._mark.upto > self._since and not await checkpoints.settled(session, self._mark):
                return 0
            upto = min(self._mark.upto, self._since + ENTRIES_AT_ONCE)
            done = 0
            if upto > self._since:
                done = await checkpoints.write(session, self._since, replace(self._mark, upto=upto))
            mark = await checkpoints.mark(session) if upto >= self._mark.upto else self._mark
        self._since, self._mark = upto, mark  # Only what was committed.
        return done
