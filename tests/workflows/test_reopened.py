"""A card that was rejected and opened again continues in a second run of its workflow, and only then; on a real Temporal server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from temporalio.client import Client

from domain.cards.card import CardType, Outcome, WaitingFor
from domain.cards.facts import Resume
from domain.cards.review import RejectReason, ReviewOutcome
from domain.identifiers import card_workflow
from tests.workflows.acting import until
from tests.workflows.histories import keep
from tests.workflows.stage import World, card, decided, playing
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_rejected_card_that_is_opened_again_gets_a_new_offer_in_a_second_run(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], accepted=False)
    world.decisions = {"d1": decided(ReviewOutcome.REJECT, reject_reason=RejectReason.FORGED)}
    one, desk = card(CardType.DINING), CardClient(temporal_client)
    run = temporal_client.get_workflow_handle(card_workflow(one.card_id), result_type=CardEnded)
    async with playing(temporal_client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        assert (await run.result()).outcome is Outcome.REJECTED
        await desk.start(one)  # An old try of the starter: what has ended is not begun again.
        assert (await desk.story(one.card_id)).outcome is Outcome.REJECTED
        again = replace(one, resume=Resume(read=True, quotes=1, tasks=2, settled=("card_type",)))
        await desk.start(again)
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.start(again)  # It runs already.
        await desk.answer_offer(one.card_id, "quote-2", accept=True)
        assert (await run.result()).outcome is Outcome.PAID
    assert [number for _, number, _ in world.of("review.open")] == [1]
    assert (len(world.of("pricing.offer")), len(world.of("payout.send"))) == (1, 1)
    await keep(temporal_client, card_workflow(one.card_id))
