"""How tests play a card through: wait for whom it waits, act, and see how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import Client

from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import CardToBuy
from tests.slowness import patience
from tests.workflows import histories
from tests.workflows.stage import World, playing
from workflows.client import CardClient
from workflows.messages import CardEnded


async def until(desk: CardClient, card_id: str, waiting_for: WaitingFor, tries: int = 1_300) -> None:
    """Returns when the card waits for that party."""
    for _ in range(tries):
        if (await desk.story(card_id)).waiting_for is waiting_for:
            return
        await asyncio.sleep(0.03)
    raise AssertionError(f"never waited for {waiting_for}: {await desk.story(card_id)}")


async def journey(
    client: Client, world: World, one: CardToBuy, act: Callable[[CardClient], Awaitable[None]] | None = None
) -> CardEnded:
    """Plays one card through and returns how it ended."""
    desk = CardClient(client)
    async with playing(client, world):
        await desk.start(one)
        if act is not None:
            await act(desk)
        handle = client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
        ended: CardEnded = await asyncio.wait_for(handle.result(), patience(45))
        assert (await desk.story(one.card_id)).stage is Stage.ENDED
        await histories.keep(client, f"card:{one.card_id}")
        return ended
