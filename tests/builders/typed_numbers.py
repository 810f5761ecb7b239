"""Card numbers as people type them into words."""

from __future__ import annotations

from database.repositories import cards
from tests.builders.world import World


async def the_number(world: World, card_id: str) -> str:
    async with world.database.transaction() as session:
        number = cards.open_number(world.keyring, await cards.load(session, card_id))
    assert number is not None
    return number
