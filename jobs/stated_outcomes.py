"""Orders whose outcome two people stated are settled at once: their workflows hear that it is known."""

from __future__ import annotations

import structlog

from domain.errors.general import TemporarilyUnavailable
from services.finance.stating import Statements
from workflows.client import CardClient
from workflows.goodwill_client import GoodwillClient

AT_ONCE = 50
_log = structlog.get_logger("stated_outcomes")


class StatedSender:
    """Wakes the workflows of orders whose outcome was stated and is not posted yet."""

    def __init__(self, statements: Statements, desk: CardClient, goodwill: GoodwillClient) -> None:
        self._statements = statements
        self._desk = desk
        self._goodwill = goodwill

    async def tell(self) -> int:
        """Tell up to fifty workflows and return 0: none of them is done before its own look. Raises DatabaseUnavailable."""
        try:
            for key, card_id in await self._statements.unsettled(AT_ONCE):
                if card_id is None:
                    await self._goodwill.reported(key.removeprefix("goodwill-"))
                else:
                    await self._desk.payment_reported(card_id, key)
        except TemporarilyUnavailable:
            _log.warning("stated outcomes wait")  # Signalled at a later look.
        return 0
