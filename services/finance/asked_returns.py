"""Money that is said to have come back: the gateway itself is asked, and only what it says is booked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.loop_faults import apart
from database.repositories.orders import the_order
from database.session import Database
from database.tables.columns import now
from database.tables.finance.rails import ReturnRow
from domain.finance.payout import RETURNED, PaymentGateway, PayoutOrder, PayoutReport
from domain.finance.rails import Rail
from domain.sealing import KeyRing
from gateways.errors import GatewayError
from services.finance.order_kinds import kind_by_key, kind_of
from services.finance.returned import Found, to_ask

LOOP = "returns"
_log = structlog.get_logger("returns")


class Returns:
    """Asks about claims, each on its order's own rail."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        gateways: Mapping[Rail, PaymentGateway],
        again_after: timedelta = timedelta(minutes=10),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._gateways = gateways
        self._again_after = again_after

    async def look(self, limit: int) -> int:
        """Ask about up to so many claims; return how many were booked. What the gateway does not confirm is asked again."""
        async with self._database.transaction() as session:
            keys = await to_ask(session, limit, now() - self._again_after)
        return sum([await self._apart(key) for key in keys])

    async def _apart(self, key: str) -> bool:
        async with apart(self._database, LOOP, key):
            return await self._ask(key)
        return False

    async def _ask(self, key: str) -> bool:
        async with self._database.transaction() as session:
            asked = update(ReturnRow).where(ReturnRow.key == key).values(asked_at=now())
            await session.execute(asked.execution_options(synchronize_session=False))
            order, rail = await self._order(session, key)
        gateway = self._gateways.get(rail)
        if gateway is None:
            return False
        try:
            report = (await gateway.query(order)).report
        except GatewayError as failed:
            _log.warning("return_not_asked", key=key, reason=failed.reason)
            return False
        return report.code == RETURNED and await self._booked(report, order)

    async def _booked(self, report: PayoutReport, order: PayoutOrder) -> bool:
        amount, kind = report.amount or order.amount, kind_by_key(order.key)
        async with self._database.transaction() as session:
            found = await kind.returned(session, order.key, amount, report.gateway_reference, now())
        _log.info("return", key=order.key, found=found.value)
        return found is Found.BOOKED

    async def _order(self, session: AsyncSession, key: str) -> tuple[PayoutOrder, Rail]:
        row = await the_order(session, key)
        return await kind_of(row).opened(session, self._keyring, row), row.rail
