"""Tasks of reviewers, taken and not."""

from __future__ import annotations

from typing import Any

from domain.cards.facts import TaskOpened
from tests.builders.world import World


async def a_task(world: World, brand: str = "starbucks", **more: Any) -> tuple[str, TaskOpened]:
    card_id = await world.a_card(brand, **more)
    if brand == "starbucks":
        await world.verification.ask_store(card_id)
        await world.pricing.value(card_id, 1)
    return card_id, await world.review.open(card_id, 1, ["card_type"])


async def a_taken_task(world: World, *roles: str) -> tuple[str, str, str]:
    """Card, task, and the person who holds it."""
    card_id, task = await a_task(world)
    person = await world.a_person(*roles)
    assert await world.review_desk.leases.take(person, task.task_id)
    return card_id, task.task_id, person
