"""Start the payments of goodwill that a second person agreed to."""

from __future__ import annotations

import structlog
from sqlalchemy import select, update

from database.session import Database
from database.tables.columns import now
from database.tables.support.goodwill import GoodwillRow
from domain.errors.general import TemporarilyUnavailable
from domain.support.goodwill import GoodwillState
from workflows.goodwill_client import GoodwillClient

AT_ONCE = 20
_log = structlog.get_logger("goodwill")


class GoodwillStarter:
    """Starts what was agreed to and is not known to run."""

    def __init__(self, database: Database, client: GoodwillClient) -> None:
        self._database = database
        self._client = client

    async def start(self) -> int:
        """Start up to twenty payments and return how many. Raises DatabaseUnavailable."""
        agreed = (GoodwillRow.state == GoodwillState.AGREED, GoodwillRow.started_at.is_(None))
        async with self._database.reading() as session:
            chosen = select(GoodwillRow.id).where(*agreed).order_by(GoodwillRow.id).limit(AT_ONCE)
            found = list((await session.execute(chosen)).scalars())
        for goodwill_id in found:
            try:
                await self._client.start(goodwill_id)
            except TemporarilyUnavailable:
                _log.warning("goodwill waits", goodwill=goodwill_id)
                return 0
            started = update(GoodwillRow).where(GoodwillRow.id == goodwill_id).values(started_at=now())
            async with self._database.transaction() as session:
                await session.execute(started)
        return len(found)
