"""What happens without an answer: every wait has its end, and every alarm sounds once. Time jumps; nothing sleeps."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.cards.card import CardType, EndReason, Outcome, WaitingFor
from domain.cards.facts import CardToBuy
from domain.cards.review import AskedItem, ReviewOutcome
from domain.cards.verification import Party
from domain.work.task import Alarm
from tests.slowness import patience
from tests.workflows import histories
from tests.workflows.acting import until
from tests.workflows.stage import World, card, decided, playing, unavailable
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ended(environment: WorkflowEnvironment, one: CardToBuy, within: timedelta = timedelta(0)) -> CardEnded:
    """How the card ended, after the server's clock has jumped by `within`."""
    await environment.sleep(within)
    handle = environment.client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
    end: CardEnded = await asyncio.wait_for(handle.result(), patience(15))
    await histories.keep(environment.client, f"card:{one.card_id}")
    return end


async def test_an_unanswered_quote_lapses(time_skipping: WorkflowEnvironment) -> None:
    world, one = World(accepted=False, offer_seconds=1_800), card()
    async with playing(time_skipping.client, world):
        await CardClient(time_skipping.client).start(one)
        assert await ended(time_skipping, one, timedelta(days=4)) == CardEnded(Outcome.LAPSED, EndReason.QUOTE_EXPIRED)
    assert world.of("pricing.close") == [(one.card_id, "quote-1", "lapsed")]
    assert "payout.prepare" not in world.names()


@pytest.mark.parametrize(
    ("one", "world"),
    [
        (card(has_photos=True, confirm_fields=True), World()),
        pytest.param(card(CardType.SUPERMARKET), World(), marks=pytest.mark.thorough),
    ],
    ids=["fields", "code"],
)
async def test_card_lapses_without_an_answer(time_skipping: WorkflowEnvironment, one: CardToBuy, world: World) -> None:
    async with playing(time_skipping.client, world):
        await CardClient(time_skipping.client).start(one)
        assert await ended(time_skipping, one, timedelta(days=4)) == CardEnded(Outcome.LAPSED, EndReason.NO_ANSWER)


async def test_card_lapses_without_the_requested_item(time_skipping: WorkflowEnvironment) -> None:
    world = World(reasons=[("low_confidence",)])
    world.decisions = {"d1": decided(ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)}
    one = card()
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        assert await ended(time_skipping, one, timedelta(days=4)) == CardEnded(Outcome.LAPSED, EndReason.NO_ANSWER)


async def test_a_late_review_warns_once_then_breaches_once_then_waits_for_ever(
    time_skipping: WorkflowEnvironment,
) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE)})
    one = card(CardType.DINING)
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        assert world.of("review.alarm") == []
        await time_skipping.sleep(timedelta(seconds=world.warn_after_s + 60))
        assert world.of("review.alarm") == [("task-1", Alarm.WARNING)]
        await time_skipping.sleep(timedelta(days=30))
        assert world.of("review.alarm") == [("task-1", Alarm.WARNING), ("task-1", Alarm.BREACH)]
        await desk.decide(one.card_id, "task-1", "d1")
        assert (await ended(time_skipping, one)).outcome is Outcome.PAID


async def test_a_decision_in_time_sounds_no_alarm(time_skipping: WorkflowEnvironment) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE)})
    one = card(CardType.DINING)
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await time_skipping.sleep(timedelta(seconds=world.warn_after_s - 60))
        await desk.decide(one.card_id, "task-1", "d1")
        await ended(time_skipping, one)
        await time_skipping.sleep(timedelta(days=1))
    assert world.of("review.alarm") == []


async def test_a_silent_outlet_sends_the_card_to_a_person(time_skipping: WorkflowEnvironment) -> None:
    approve = decided(ReviewOutcome.APPROVE)
    world = World(decisions={"d1": approve, "d2": approve})
    one = card(CardType.REGIONAL)
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        await time_skipping.sleep(timedelta(hours=49))
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        assert world.of("verification.record_silence") == [(one.card_id, Party.OUTLET)]
        await desk.decide(one.card_id, "task-2", "d2")
        assert (await ended(time_skipping, one)).outcome is Outcome.PAID


async def test_an_issuer_down_all_day_sends_the_card_to_a_person(time_skipping: WorkflowEnvironment) -> None:
    world = World(
        issuer=[unavailable(again_in=timedelta(minutes=50))], decisions={"d1": decided(ReviewOutcome.APPROVE)}
    )
    one = card()
    desk = CardClient(time_skipping.client)
    async with playing(time_skipping.client, world):
        await desk.start(one)
        await time_skipping.sleep(timedelta(hours=8))
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        assert world.of("verification.record_silence") == [(one.card_id, Party.ISSUER)]
        assert world.of("journey.move")[0][2] is WaitingFor.ISSUER
        await desk.decide(one.card_id, "task-1", "d1")
        assert (await ended(time_skipping, one)).outcome is Outcome.PAID
