"""Paying the seller when the gateway says paid, refused, or nothing at all; on a real Temporal server."""

from __future__ import annotations

import asyncio
import time

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.heartbeats import beating
from domain.cards.card import CardType, EndReason, Outcome, Stage, WaitingFor
from domain.cards.facts import PaymentHeld, PayoutFacts, RecheckFacts
from domain.errors.cards import NotExpectedNow
from domain.finance.payout import PayoutOutcome
from tests.workflows.acting import journey, until
from tests.workflows.stage import World, card, playing, unavailable
from workflows.client import CardClient
from workflows.messages import CardEnded

REFUSED = PayoutFacts(PayoutOutcome.REFUSED, "PAYEE_NOT_EXIST")


def for_good() -> ApplicationError:
    """A failure that Temporal tries no more."""
    return ApplicationError("no more", type="forged", non_retryable=True)


pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_unknown_payment_is_reconciled_and_never_sent_again(temporal_client: Client) -> None:
    world = World(payments=[PayoutFacts(PayoutOutcome.UNKNOWN, None)])
    one = card()
    assert (await journey(temporal_client, world, one)).outcome is Outcome.PAID
    assert len(world.of("payout.send")) == 1
    assert world.names()[-3:] == ["journey.move", "payout.reconcile", "payout.conclude"]


async def test_gateway_report_triggers_an_immediate_query(temporal_client: Client) -> None:
    world = World(payments=[PayoutFacts(PayoutOutcome.UNKNOWN, None)])
    world.reconciled = [unavailable(), unavailable(), PayoutFacts(PayoutOutcome.PAID, None)]
    one = card()

    async def gateway(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.GATEWAY)
        await world.second_query.wait()
        await desk.payment_reported(one.card_id, f"card-{one.card_id}-payout-1")

    assert (await journey(temporal_client, world, one, gateway)).outcome is Outcome.PAID
    assert len(world.of("payout.send")) == 1


async def test_a_refused_payee_is_corrected_and_paid_under_a_key_of_its_own(temporal_client: Client) -> None:
    world = World(payments=[REFUSED, REFUSED, PayoutFacts(PayoutOutcome.PAID, None)])
    one = card()

    async def seller(desk: CardClient) -> None:
        for number in (1, 2):
            await until(desk, one.card_id, WaitingFor.SELLER_PAYEE)
            await desk.correct_payee(one.card_id, f"correction-{number}")

    assert await journey(temporal_client, world, one, seller) == CardEnded(Outcome.PAID)
    keys = [f"card-{one.card_id}-payout-{attempt}" for attempt in (1, 2, 3)]
    assert [arguments[0] for arguments in world.of("payout.send")] == keys
    assert [arguments[2] for arguments in world.of("payout.prepare")] == keys
    assert [arguments[2] for arguments in world.of("verification.recheck")] == [1, 2, 3]


async def test_held_payment_is_confirmed_and_prepared_again_on_release(temporal_client: Client) -> None:
    later = PaymentHeld(WaitingFor.RAIL, "2030-01-01T00:00:00+00:00")
    world = World(prepared=[later, PaymentHeld(WaitingFor.FINANCE, None), None])
    one = card()
    key = f"card-{one.card_id}-payout-1"

    async def loop(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.RAIL)
        assert (await desk.story(one.card_id)).until == "2030-01-01T00:00:00+00:00"
        await desk.payment_released(one.card_id, "card-other-payout-1")  # Of another order: nothing happens.
        await desk.payment_released(one.card_id, key)
        await until(desk, one.card_id, WaitingFor.FINANCE)
        assert world.of("payout.send") == []
        await desk.payment_released(one.card_id, key)

    assert await journey(temporal_client, world, one, loop) == CardEnded(Outcome.PAID)
    assert [arguments[2] for arguments in world.of("verification.recheck")] == [1, 1001, 2001]
    assert {arguments[2] for arguments in world.of("payout.prepare")} == {key}
    assert len(world.of("payout.send")) == 1


async def test_declined_payment_waits_for_its_seller_and_continues_under_its_key(
    temporal_client: Client,
) -> None:
    finance, seller = PaymentHeld(WaitingFor.FINANCE, None), PaymentHeld(WaitingFor.SELLER_PAYEE, None)
    world, one = World(prepared=[finance, seller, None]), card()
    key = f"card-{one.card_id}-payout-1"

    async def loop(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.FINANCE)
        await desk.payment_released(one.card_id, key)  # Was on its way when people turned the payment down.
        await until(desk, one.card_id, WaitingFor.SELLER_PAYEE)
        assert world.of("payout.send") == []
        await desk.payment_released(one.card_id, key)

    assert await journey(temporal_client, world, one, loop) == CardEnded(Outcome.PAID)
    assert [arguments[0] for arguments in world.of("payout.send")] == [key]


async def test_a_payee_is_corrected_only_when_one_was_refused_and_only_once(temporal_client: Client) -> None:
    world, one = World(payments=[REFUSED, unavailable()]), card()
    desk = CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.SELLER_PAYEE)
        await desk.correct_payee(one.card_id, "correction-1")
        with pytest.raises(NotExpectedNow):
            await desk.correct_payee(one.card_id, "correction-2")
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").terminate("the test is over")


async def test_a_card_emptied_while_its_payee_is_corrected_is_not_paid(temporal_client: Client) -> None:
    world = World(payments=[REFUSED], rechecked=[RecheckFacts(None), RecheckFacts(EndReason.NOTHING_LEFT)])
    one = card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_PAYEE)
        await desk.correct_payee(one.card_id, "correction-1")

    ended = await journey(temporal_client, world, one, seller)
    assert (ended.outcome, ended.reason) == (Outcome.REJECTED, EndReason.NOTHING_LEFT)
    assert len(world.of("payout.send")) == 1


async def test_permanent_failure_during_payment_does_not_end_the_card(
    time_skipping: WorkflowEnvironment,
) -> None:
    """A failed activity may be reported through Temporal although the gateway has paid."""
    world = World(payments=[for_good(), for_good(), PayoutFacts(PayoutOutcome.UNKNOWN, None)])
    world.reconciled = [for_good(), PayoutFacts(PayoutOutcome.PAID, None)]
    one = card()
    async with playing(time_skipping.client, world):
        await CardClient(time_skipping.client).start(one)
        desk = CardClient(time_skipping.client)
        while (story := await desk.story(one.card_id)).stage is not Stage.ENDED:
            await time_skipping.sleep(20)
    assert story.outcome is Outcome.PAID
    assert (len(world.of("payout.send")), len(world.of("payout.reconcile"))) == (3, 2)


async def test_late_reports_change_nothing(temporal_client: Client) -> None:
    world, one = World(), card()
    desk = CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()
        await desk.payment_reported(one.card_id, "key")
        await desk.outlet_reported(one.card_id, "request", confirmed=False)
    assert world.names()[-1] == "payout.send"


async def test_a_card_is_paid_once_its_issuer_has_confirmed_it_again(temporal_client: Client) -> None:
    world = World()
    assert (await journey(temporal_client, world, card())).outcome is Outcome.PAID
    names = world.names()
    assert names.index("pricing.offer") < names.index("verification.recheck") < names.index("payout.prepare")


async def test_a_card_emptied_after_its_quote_is_not_paid(temporal_client: Client) -> None:
    world = World(rechecked=[RecheckFacts(EndReason.NOTHING_LEFT)])
    ended = await journey(temporal_client, world, card())
    assert (ended.outcome, ended.reason) == (Outcome.REJECTED, EndReason.NOTHING_LEFT)
    assert not [name for name in world.names() if name.startswith("payout.")]


async def test_an_issuer_that_is_silent_before_payment_delays_it(temporal_client: Client) -> None:
    refused = ApplicationError("no answer in time", type="gateway_unavailable", non_retryable=True)
    world = World(rechecked=[refused, unavailable(), RecheckFacts(None)])
    assert (await journey(temporal_client, world, card())).outcome is Outcome.PAID
    assert len(world.of("verification.recheck")) == 3
    assert any("payout.issuer_silent" in arguments for arguments in world.of("journey.move"))


@pytest.mark.parametrize("card_type", [CardType.DINING])
async def test_card_type_without_balance_check_is_paid_without_it(temporal_client: Client, card_type: CardType) -> None:
    world = World()
    assert (await journey(temporal_client, world, card(card_type))).outcome is Outcome.PAID
    assert world.of("verification.recheck") == []


async def test_a_worker_killed_during_payment_is_taken_over_within_ten_seconds(temporal_client: Client) -> None:
    class Killed(World):
        """The first attempt hangs without a heartbeat, as a killed process does."""

        def __init__(self) -> None:
            super().__init__()
            self.sent_at: list[float] = []

        @activity.defn(name="payout.send")
        async def send(self, key: str, concludes: bool = False) -> PayoutFacts:
            self.sent_at.append(time.monotonic())
            if len(self.sent_at) == 1:
                await asyncio.sleep(30)
            return await super().send(key, concludes)

    world = Killed()
    assert (await journey(temporal_client, world, card())).outcome is Outcome.PAID
    assert world.sent_at[1] - world.sent_at[0] < 10


async def test_heartbeats_are_sent_inside_temporal_only() -> None:
    async with beating(0.01):
        await asyncio.sleep(0.03)
    heard = 0

    def on_heartbeat(*_details: object) -> None:
        nonlocal heard
        heard += 1

    async def work() -> None:
        async with beating(0.01):
            await asyncio.sleep(0.2)

    environment = ActivityEnvironment()
    environment.on_heartbeat = on_heartbeat
    await environment.run(work)
    assert heard > 3
