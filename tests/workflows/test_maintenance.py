"""A provider in maintenance is waited for: no time limit turns a planned wait into silence. Time jumps; nothing sleeps."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.cards.card import CardType, Outcome, Stage, WaitingFor
from domain.cards.facts import CardToBuy, HeldFacts, RecheckFacts
from domain.cards.review import ReviewOutcome
from tests.slowness import patience
from tests.workflows import histories
from tests.workflows.acting import until
from tests.workflows.stage import ACTIVE, World, card, decided, playing, unavailable
from workflows.card import CardWorkflow
from workflows.client import CardClient
from workflows.messages import CardEnded
from workflows.policies import CARDS_QUEUE

pytestmark = pytest.mark.asyncio(loop_scope="session")
LATER = timedelta(days=2)  # Past every limit: an attempt that fails so is the last one.
HELD, OPEN = HeldFacts(held=True, until=None), HeldFacts(held=False, until=None)


async def started(environment: WorkflowEnvironment, one: CardToBuy) -> None:
    await environment.client.start_workflow(
        CardWorkflow.run, one, id=f"card:{one.card_id}", task_queue=CARDS_QUEUE
    )  # fmt: skip


async def paid(environment: WorkflowEnvironment, one: CardToBuy) -> None:
    handle = environment.client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
    ended: CardEnded = await asyncio.wait_for(handle.result(), patience(30))
    await histories.keep(environment.client, f"card:{one.card_id}")
    assert ended.outcome is Outcome.PAID


def announced(world: World) -> list[tuple[Stage, WaitingFor, str]]:
    return [(stage, waiting_for, what) for _, stage, waiting_for, _, what in world.of("journey.move")]


async def test_an_issuer_in_maintenance_is_waited_for_and_asked_again(time_skipping: WorkflowEnvironment) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
    held = HeldFacts(held=True, until=ends)
    world = World(issuer=[unavailable(LATER), unavailable(LATER), ACTIVE], holds=[held, HELD])
    one = card()
    async with playing(time_skipping.client, world):
        await started(time_skipping, one)
        await paid(time_skipping, one)
    assert world.of("verification.record_silence") == []
    waited = (Stage.VERIFICATION, WaitingFor.ISSUER, "verification.party_in_maintenance")
    assert announced(world) == [waited, waited]
    assert {(provider, brand) for provider, brand, _ in world.of("provider.held")} == {("issuer:jd", "jd")}


@pytest.mark.thorough
async def test_after_maintenance_a_silent_issuer_still_sends_the_card_to_a_person(
    time_skipping: WorkflowEnvironment,
) -> None:
    world = World(issuer=[unavailable(LATER)], holds=[HELD, OPEN])
    one = card()
    async with playing(time_skipping.client, world):
        desk = CardClient(time_skipping.client)
        await started(time_skipping, one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
    assert [what for _, _, what in announced(world)] == [
        "verification.party_in_maintenance", "verification.party_silent",
    ]  # fmt: skip
    assert len(world.of("verification.record_silence")) == 1


@pytest.mark.thorough
async def test_a_store_in_maintenance_is_waited_for(time_skipping: WorkflowEnvironment) -> None:
    world, one = World(store=[unavailable(LATER), ACTIVE], holds=[HELD], reasons=[("always",)]), card(CardType.DINING)
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await started(time_skipping, one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
    assert (world.of("provider.held")[0][0], world.of("verification.record_silence")) == ("store:starbucks", [])


@pytest.mark.thorough
async def test_outlets_in_maintenance_are_waited_for(time_skipping: WorkflowEnvironment) -> None:
    entered = {"d1": decided(ReviewOutcome.APPROVE)}
    world, one = World(outlets_away=[unavailable(LATER)], holds=[HELD], decisions=entered), card(CardType.REGIONAL)
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await started(time_skipping, one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.OUTLET)
    assert len(world.of("verification.ask_outlet")) == 2
    assert (world.of("provider.held")[0][0], world.of("verification.record_silence")) == ("outlet", [])


async def test_a_code_that_could_not_be_checked_is_sent_again_after_maintenance(
    time_skipping: WorkflowEnvironment,
) -> None:
    world, one = World(holds=[HELD, OPEN]), card(CardType.SUPERMARKET)
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await started(time_skipping, one)
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await time_skipping.sleep(timedelta(minutes=31))
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await desk.enter_code(one.card_id, "123456")
        await paid(time_skipping, one)
    assert [number for _, number in world.of("verification.send_code")] == [1, 2]


async def test_a_payment_waits_for_the_issuer_in_maintenance_and_says_so(time_skipping: WorkflowEnvironment) -> None:
    world, one = World(rechecked=[unavailable(LATER), RecheckFacts(None)], holds=[HELD]), card()
    async with playing(time_skipping.client, world):
        await started(time_skipping, one)
        await paid(time_skipping, one)
    assert announced(world) == [(Stage.PAYOUT, WaitingFor.ISSUER, "payout.issuer_in_maintenance")]
