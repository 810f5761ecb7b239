"""Operations end the wait for an outlet: its silence is recorded at once, and a person decides without it."""

from __future__ import annotations

import pytest
from temporalio.client import Client

from domain.cards.card import CardType, Outcome, WaitingFor
from domain.cards.review import ReviewOutcome
from tests.workflows.acting import journey, until
from tests.workflows.stage import World, card, decided
from workflows.client import CardClient

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_operations_skip_the_wait_for_an_outlet_and_a_person_decides(temporal_client: Client) -> None:
    approve = decided(ReviewOutcome.APPROVE)
    world = World(decisions={"typed": approve, "yes": approve}, reasons=[("issuer_unknown",)])
    one = card(CardType.REGIONAL)

    async def people(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.skip_wait(one.card_id, WaitingFor.OUTLET)  # Nobody waits for the outlet yet.
        await desk.decide(one.card_id, "task-1", "typed")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        await desk.skip_wait(one.card_id, WaitingFor.OUTLET)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.skip_wait(one.card_id, WaitingFor.OUTLET)
        await desk.decide(one.card_id, "task-2", "yes")

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert len(world.of("verification.record_silence")) == 1
