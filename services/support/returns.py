"""Money that is said to have come back: the gateway itself is asked, and only what it says is booked."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.columns import now
from database.tables.finance_rails import ReturnRow
from database.tables.support.goodwill import GoodwillOrderRow
from domain.finance.payout import RETURNED, PaymentGateway, PayoutOrder, PayoutReport
from domain.finance.rails import Rail
from domain.identifiers import is_goodwill_key
from domain.sealing import KeyRing
from gateways.errors import GatewayError
from services.finance.payout_orders import opened_order, ordered_with
from services.finance.returned import Found, returned, to_ask
from services.support import goodwill_orders

_log = structlog.get_logger("returns")


class Returns:
    """Asks about claims, each on its order's own rail."""

    def __init__(self, database: Database, keyring: KeyRing, gateways: Mapping[Rail, PaymentGateway]) -> None:
        self._database = database
        self._keyring = keyring
        self._gateways = gateways

    async def look(self, limit: int) -> int:
        """Ask about up to so many claims; return how many were booked. What the gateway does not confirm is asked again."""
        async with self._database.transaction() as session:
            keys = await to_ask(session, limit)
        return sum([await self._ask(key) for key in keys])

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
        amount = report.amount or order.amount
        async with self._database.transaction() as session:
            if not is_goodwill_key(order.key):
                found = await returned(session, order.key, amount, report.gateway_reference, now())
                _log.info("return", key=order.key, found=found.value)
                return found is Found.BOOKED
            if not await goodwill_orders.returned(session, order.key, amount, now()):
                return False
            over = update(ReturnRow).where(ReturnRow.key == order.key).values(returned_at=now())
            await session.execute(over.execution_options(synchronize_session=False))
            return True

    async def _order(self, session: AsyncSession, key: str) -> tuple[PayoutOrder, Rail]:
        if is_goodwill_key(key):
            given = await session.get_one(GoodwillOrderRow, key)
            return goodwill_orders.opened(self._keyring, given), given.rail
        row, submission = await ordered_with(session, key)
        return opened_order(self._keyring, row, submission), row.rail
