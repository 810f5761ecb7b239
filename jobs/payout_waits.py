"""Continue held payments as soon as the reason is over, repeatedly until each has made its order."""

from __future__ import annotations

import structlog

from database.repositories.loop_faults import apart
from database.session import Database
from domain.errors.general import TemporarilyUnavailable
from services.finance.held_payments import LOOP, PayoutWaits, Ready
from workflows.order_client import OrderClient

AT_ONCE = 50
_log = structlog.get_logger("payout_waits")


class WaitingPayments:
    """Continue payments whose limits, switches or checks no longer hold them."""

    def __init__(self, database: Database, waits: PayoutWaits, orders: OrderClient) -> None:
        self._database = database
        self._waits = waits
        self._orders = orders

    async def look(self) -> int:
        """Look at up to fifty payments and return how many were signalled. Raises DatabaseUnavailable."""
        return sum([await self._tell(one) for one in await self._waits.ready(AT_ONCE)])

    async def _tell(self, one: Ready) -> bool:
        try:
            async with apart(self._database, LOOP, one.key):
                await self._orders.released(one.journey)
                await self._waits.signalled(one.key)
                return True
        except TemporarilyUnavailable:
            _log.warning("payment waits", payment=one.key)  # Signalled at a later look.
        return False
