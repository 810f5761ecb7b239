"""Orders whose outcome two people stated are settled at once: their workflows hear that it is known."""

from __future__ import annotations

import structlog

from domain.errors.general import TemporarilyUnavailable
from services.finance.stating import Statements
from workflows.order_client import OrderClient

AT_ONCE = 50
_log = structlog.get_logger("stated_outcomes")


class StatedSender:
    """Wakes the workflows of orders whose outcome was stated and is not posted yet."""

    def __init__(self, statements: Statements, orders: OrderClient) -> None:
        self._statements = statements
        self._orders = orders

    async def tell(self) -> int:
        """Tell up to fifty workflows and return 0: none of them is done before its own look. Raises DatabaseUnavailable."""
        try:
            for journey in await self._statements.unsettled(AT_ONCE):
                await self._orders.reported(journey)
        except TemporarilyUnavailable:
            _log.warning("stated outcomes wait")  # Signalled at a later look.
        return 0
