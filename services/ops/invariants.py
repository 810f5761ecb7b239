"""Check the invariants in an installation, and keep what was found: by name, of everything and of what is recent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants import Look, Result, check
from database.session import Database
from database.tables.ops.health import InvariantResultRow

SAID_MAX = 20  # So many faults are kept in words.
SAID_LENGTH_MAX = 300
OFTEN_WITHIN = timedelta(seconds=5)  # One statement of a frequent check.


class OftenChecked:
    """Checks what is quick to check, every few minutes, in the process of the loops."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> int:
        """Check once and keep the results; return 0, for there is nothing more to do at once. Raises DatabaseUnavailable."""
        results = await check(self._database, Look(whole=False), OFTEN_WITHIN)
        async with self._database.transaction() as session:
            await keep(session, results)
        return 0


async def keep(session: AsyncSession, results: Sequence[Result]) -> None:
    """Replace the newest results of these invariants. What is broken keeps since when it has been, check after check."""
    for one in results:
        broken = len(one.lines)
        said = [line[:SAID_LENGTH_MAX] for line in one.lines[:SAID_MAX]]
        row = InvariantResultRow(
            name=one.name, whole=one.whole, code=one.code, broken=broken, said=said, finished=one.finished,
            took_ms=one.took_ms, checked_at=one.checked_at, broken_since=one.checked_at if broken else None,
        )  # fmt: skip
        made = insert(InvariantResultRow).values(row.values())
        since = case((made.excluded.broken > 0, _first(made.excluded.broken_since)), else_=None)
        again = {name: made.excluded[name] for name in row.values("name", "whole", "broken_since")}
        await session.execute(
            made.on_conflict_do_update(index_elements=["name", "whole"], set_={**again, "broken_since": since})
        )


def _first(fresh: object) -> object:
    return case((InvariantResultRow.broken_since.is_not(None), InvariantResultRow.broken_since), else_=fresh)
