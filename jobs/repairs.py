"""Tell the workflows of repairs what people did: a repair starts, pauses, resumes or ends as its row says."""

from __future__ import annotations

import structlog
from sqlalchemy import select, update

from database.session import Database
from database.tables.ops.repairs import RepairRow
from domain.errors.general import TemporarilyUnavailable
from domain.ops.repairs import OVER, UNDER_WAY
from workflows.repair_client import RepairClient

AT_ONCE = 20
_log = structlog.get_logger("repairs")


class RepairSender:
    """Signals repairs whose rows have changed since they last heard; one that does not run is started."""

    def __init__(self, database: Database, repairs: RepairClient) -> None:
        self._database = database
        self._repairs = repairs

    async def tell(self) -> int:
        """Tell up to twenty repairs and return how many. Raises DatabaseUnavailable."""
        wanted = (
            select(RepairRow.id, RepairRow.revision, RepairRow.state, RepairRow.started_at)
            .where(RepairRow.heard_revision < RepairRow.revision)
            .order_by(RepairRow.id)
            .limit(AT_ONCE)
        )
        async with self._database.reading() as session:
            found = (await session.execute(wanted)).all()
        for row in found:
            # One that waits for a second person, or ended before it began, has no workflow.
            runs = row.state in UNDER_WAY or (row.state in OVER and row.started_at is not None)
            try:
                if runs:
                    await self._repairs.tell(row.id)
            except TemporarilyUnavailable:
                _log.warning("repair waits", repair=row.id)
                return 0
            await self._heard(row.id, row.revision)
        return len(found)

    async def _heard(self, repair_id: str, revision: int) -> None:
        heard = update(RepairRow).where(RepairRow.id == repair_id, RepairRow.heard_revision < revision)
        async with self._database.transaction() as session:
            await session.execute(heard.values(heard_revision=revision))
