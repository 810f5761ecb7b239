"""Begin the settlement runs that are due, and tell their workflows what changed; one that does not run is started."""

from __future__ import annotations

import structlog
from sqlalchemy import select, update

from database.session import Database
from database.tables.finance.settlement import SettlementRunRow
from domain.errors.general import TemporarilyUnavailable
from workflows.settlement_client import SettlementClient

AT_ONCE = 50
_log = structlog.get_logger("settlements")


class SettlementSender:
    """Signals runs whose rows have changed since they last heard."""

    def __init__(self, database: Database, runs: SettlementClient) -> None:
        self._database = database
        self._runs = runs

    async def tell(self) -> int:
        """Tell up to fifty runs and return how many. Raises DatabaseUnavailable."""
        wanted = (
            select(
                SettlementRunRow.id,
                SettlementRunRow.revision,
                SettlementRunRow.counterparty_id,
                SettlementRunRow.period,
            )
            .where(SettlementRunRow.heard_revision < SettlementRunRow.revision)
            .order_by(SettlementRunRow.ends_on, SettlementRunRow.id)
            .limit(AT_ONCE)
        )
        async with self._database.reading() as session:
            found = (await session.execute(wanted)).all()
        for done, row in enumerate(found):
            try:
                await self._runs.tell(row.id, row.counterparty_id, row.period)
            except TemporarilyUnavailable:
                _log.warning("settlement waits", settlement=row.id)
                return done
            await self._heard(row.id, row.revision)
        return len(found)

    async def _heard(self, run_id: str, revision: int) -> None:
        heard = update(SettlementRunRow).where(
            SettlementRunRow.id == run_id, SettlementRunRow.heard_revision < revision
        )
        async with self._database.transaction() as session:
            await session.execute(heard.values(heard_revision=revision))
