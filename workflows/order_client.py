"""How others reach the workflow that carries a payment order, whatever the order is for."""

from __future__ import annotations

from temporalio.client import Client

from domain.finance.order_kinds import Journey, OrderCode
from workflows.client import CardClient
from workflows.goodwill_client import GoodwillClient
from workflows.settlement_client import SettlementClient


class OrderClient:
    """Reports to the workflows of cards, goodwill payments and runs. Raises TemporarilyUnavailable."""

    def __init__(self, client: Client) -> None:
        self._cards = CardClient(client)
        self._goodwill = GoodwillClient(client)
        self._settlements = SettlementClient(client)

    async def released(self, journey: Journey) -> None:
        """Report that what held the payment is over: its order is made."""
        if journey.code is OrderCode.CARD:
            await self._cards.payment_released(journey.subject, journey.key)
        elif journey.code is OrderCode.GOODWILL:
            await self._goodwill.released(journey.subject)
        else:
            await self._settlements.tell(journey.subject, journey.counterparty_id, journey.period)

    async def reported(self, journey: Journey) -> None:
        """Report that there is news of the order: it is asked about at once."""
        if journey.code is OrderCode.CARD:
            await self._cards.payment_reported(journey.subject, journey.key)
        elif journey.code is OrderCode.GOODWILL:
            await self._goodwill.reported(journey.subject)
        else:
            await self._settlements.payment_reported(journey.counterparty_id, journey.period)
