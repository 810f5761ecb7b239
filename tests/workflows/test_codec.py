"""Nothing that Temporal stores can be read without the key ring, nor moved from one card to another."""

from __future__ import annotations

import asyncio

import pytest
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.converter import DefaultPayloadConverter, WorkflowSerializationContext
from temporalio.exceptions import ActivityError, ApplicationError

from domain.cards.card import CardType, WaitingFor
from domain.cards.facts import PayoutFacts
from domain.sealing import KeyRing, SealBroken
from tests.slowness import patience
from tests.workflows.acting import until
from tests.workflows.stage import World, card, playing
from workflows.client import CardClient
from workflows.codec import EncryptionCodec, PayloadMoved, PayloadUnsealed, SealedFailures, data_converter
from workflows.messages import CardEnded, OutletReport

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = Payload(metadata={"encoding": b"json/plain"}, data=b'"JD-secret-marker"')


def bound(keyring: KeyRing, workflow_id: str) -> EncryptionCodec:
    """The codec as the SDK binds it to a workflow."""
    return EncryptionCodec(keyring).with_context(WorkflowSerializationContext("default", workflow_id))


async def test_a_payload_is_unreadable_and_comes_back_whole() -> None:
    codec = bound(KeyRing.generate(), "card:A")
    sealed = await codec.encode([SECRET])
    assert b"marker" not in sealed[0].SerializeToString()
    assert await codec.decode(sealed) == [SECRET]


async def test_a_payload_does_not_open_at_another_card() -> None:
    keyring = KeyRing.generate()
    sealed = await bound(keyring, "card:A").encode([SECRET])
    with pytest.raises(PayloadMoved):
        await bound(keyring, "card:B").decode(sealed)
    sealed[0].metadata["workflow-id"] = b"card:B"
    with pytest.raises(SealBroken):
        await bound(keyring, "card:B").decode(sealed)


async def test_a_payload_that_is_not_sealed_is_refused() -> None:
    keyring = KeyRing.generate()
    for codec in (bound(keyring, "card:A"), EncryptionCodec(keyring)):
        with pytest.raises(PayloadUnsealed):
            await codec.decode([SECRET])
    assert await EncryptionCodec(keyring, shows_plain=True).decode([SECRET]) == [SECRET]


async def test_a_payload_sealed_for_no_workflow_does_not_open_at_a_card() -> None:
    keyring = KeyRing.generate()
    sealed = await EncryptionCodec(keyring).encode([SECRET])
    with pytest.raises(PayloadMoved):
        await bound(keyring, "card:A").decode(sealed)


async def test_a_card_takes_no_signal_that_was_not_sealed(temporal_client: Client) -> None:
    config = temporal_client.config()
    config["data_converter"] = data_converter(KeyRing.generate())
    client, world, one = Client(**config), World(), card(card_type=CardType.REGIONAL)
    async with playing(client, world):
        await CardClient(client).start(one)
        forged = temporal_client.get_workflow_handle(f"card:{one.card_id}")
        await forged.signal("outlet_reported", OutletReport("request", confirmed=True))
        failed = await _task_failure(forged)
        await forged.terminate("the test is over")
    assert "PayloadUnsealed" in failed or "not sealed" in failed


async def _task_failure(handle: WorkflowHandle[object, object]) -> str:
    """The first failure of the card's workflow tasks: Temporal tries the task again, and the signal never counts."""
    async with asyncio.timeout(patience(20)):
        while True:
            async for event in handle.fetch_history_events():
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    return str(event.workflow_task_failed_event_attributes.failure)
            await asyncio.sleep(0.1)


async def test_a_rotated_ring_opens_what_was_sealed_before() -> None:
    before = KeyRing.generate()
    sealed = await bound(before, "card:A").encode([SECRET])
    assert await bound(before.rotated(), "card:A").decode(sealed) == [SECRET]


async def test_the_codec_server_opens_without_knowing_the_workflow() -> None:
    keyring = KeyRing.generate()
    sealed = await bound(keyring, "card:A").encode([SECRET])
    assert await EncryptionCodec(keyring).decode(sealed) == [SECRET]


async def test_history_contains_no_card_data(temporal_client: Client) -> None:
    config = temporal_client.config()
    config["data_converter"] = data_converter(KeyRing.generate())
    client, world, one = Client(**config), World(), card()
    async with playing(client, world):
        await CardClient(client).start(one)
        await client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded).result()
    history = await client.get_workflow_handle(f"card:{one.card_id}").fetch_history()
    stored = b"".join(event.SerializeToString() for event in history.events)
    assert len(stored) > 1_000
    for word in (b"46500", b"quote-1", b"seller:S1"):
        assert word not in stored
    assert stored.count(b"ecommerce") == 1  # Its search attribute, by which Temporal's own page filters.


def a_failure(*, sealed: bool, kind: str = "application_failure_info") -> Failure:
    """An activity's failure as in a history."""
    cause = Failure(message="no more")
    getattr(cause, kind).SetInParent()
    if sealed:
        cause.encoded_attributes.CopyFrom(Payload(metadata={"encoding": b"json/plain"}, data=b'{"message": "no"}'))
    failure = Failure(message="activity error", cause=cause)
    failure.activity_failure_info.activity_type.name = "payout.send"
    return failure


async def test_an_activitys_failure_counts_only_when_it_was_sealed() -> None:
    converter = SealedFailures()
    with pytest.raises(PayloadUnsealed):
        converter.from_failure(a_failure(sealed=False), DefaultPayloadConverter())
    assert isinstance(converter.from_failure(a_failure(sealed=True), DefaultPayloadConverter()), ActivityError)


@pytest.mark.parametrize("kind", ["timeout_failure_info", "canceled_failure_info", "terminated_failure_info"])
async def test_temporals_own_failures_need_no_seal(kind: str) -> None:
    found = SealedFailures().from_failure(a_failure(sealed=False, kind=kind), DefaultPayloadConverter())
    assert isinstance(found, ActivityError)


async def test_a_payment_that_an_intruder_reports_as_failed_ends_no_card(temporal_client: Client) -> None:
    config = temporal_client.config()
    config["data_converter"] = data_converter(KeyRing.generate())
    client, world, one = Client(**config), Sending(), card()
    async with playing(client, world):
        await CardClient(client).start(one)
        await asyncio.wait_for(world.sending.wait(), patience(20))
        forged = temporal_client.get_workflow_handle(f"card:{one.card_id}")
        (pending,) = (await forged.describe()).raw_description.pending_activities
        handle = temporal_client.get_async_activity_handle(
            workflow_id=forged.id, run_id=None, activity_id=pending.activity_id
        )
        await handle.fail(ApplicationError("no more", non_retryable=True))
        failed = await _task_failure(forged)
        status = (await forged.describe()).status
        world.go_on.set()
        await forged.terminate("the test is over")
    assert ("sealed" in failed, status) == (True, WorkflowExecutionStatus.RUNNING)


async def test_code_resend_requires_a_sealed_payload(temporal_client: Client) -> None:
    world, one = World(), card(CardType.SUPERMARKET)
    desk = CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        handle = temporal_client.get_workflow_handle(f"card:{one.card_id}")
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("resend_code")
        assert len(world.of("verification.send_code")) == 1
        assert (await desk.resend_code(one.card_id)).number == 2
        await handle.terminate("the test is over")


class Sending(World):
    """A gateway that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.sending, self.go_on = asyncio.Event(), asyncio.Event()

    @activity.defn(name="payout.send")
    async def send(self, key: str, concludes: bool = False) -> PayoutFacts:
        self.sending.set()
        await self.go_on.wait()
        return await super().send(key, concludes)
