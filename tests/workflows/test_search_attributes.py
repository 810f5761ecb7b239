"""Temporal's own page and tools find cards by stage, party, type, brand and error; a namespace without them runs cards too."""

from __future__ import annotations

import asyncio

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from bootstrap.local.temporal import register_search_attributes
from domain.cards.facts import PayoutFacts
from domain.finance.payout import PayoutOutcome
from tests.builders.namespaces import namespace_of_its_own
from tests.workflows.histories import keep
from tests.workflows.stage import World, card, playing
from workflows.client import CardClient
from workflows.messages import CardEnded
from workflows.search_attributes import ALL, BRAND, CARD_TYPE, ERROR_CLASS, STAGE, WAITING_FOR


async def attributes(client: Client, card_id: str) -> dict[str, str | None]:
    """What Temporal has of a card's workflow, by the attribute's own name."""
    found = (await client.get_workflow_handle(f"card:{card_id}").describe()).typed_search_attributes
    return {key.name: found.get(key) for key in ALL}


async def until(client: Client, card_id: str, **wanted: str | None) -> None:
    """Wait until the workflow has these attributes."""
    for _ in range(100):
        found = await attributes(client, card_id)
        if all(found[name] == value for name, value in wanted.items()):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{found} instead of {wanted}")


async def test_an_automatic_card_is_indexed_at_its_start_and_on_its_way_to_payment(temporal_client: Client) -> None:
    world, one = World(), card()
    async with playing(temporal_client, world):
        await CardClient(temporal_client).start(one)
        handle = temporal_client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
        await handle.result()
    found = await attributes(temporal_client, one.card_id)
    assert found == {
        STAGE.name: "payout", WAITING_FOR.name: "machine", CARD_TYPE.name: "ecommerce", BRAND.name: "jd", ERROR_CLASS.name: None,
    }  # fmt: skip
    changes = [
        e
        async for e in handle.fetch_history_events()
        if e.HasField("upsert_workflow_search_attributes_event_attributes")
    ]
    assert len(changes) == 1
    await keep(temporal_client, f"card:{one.card_id}")


async def test_a_card_that_waits_says_for_whom(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()
    async with playing(temporal_client, world):
        await CardClient(temporal_client).start(one)
        await until(temporal_client, one.card_id, CardloopStage="offer", CardloopWaitingFor="seller_offer")
        await CardClient(temporal_client).answer_offer(one.card_id, "quote-1", True)
        await until(temporal_client, one.card_id, CardloopStage="payout", CardloopWaitingFor="machine")
        # A card that is left open is taken up by the workers of the next test.
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()


async def test_an_unknown_payment_is_found_by_its_error_until_it_is_known(temporal_client: Client) -> None:
    unknown, paid = PayoutFacts(PayoutOutcome.UNKNOWN, None), PayoutFacts(PayoutOutcome.PAID, None)
    world, one = (
        World(payments=[unknown], reconciled=[ApplicationError("not yet"), ApplicationError("not yet"), paid]),
        card(),
    )
    async with playing(temporal_client, world):
        await CardClient(temporal_client).start(one)
        await until(temporal_client, one.card_id, CardloopWaitingFor="gateway", CardloopErrorClass="payout_unknown")
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").terminate()


async def test_a_namespace_without_them_runs_cards_all_the_same_and_gets_them_registered(
    temporal_client: Client,
) -> None:
    bare = await namespace_of_its_own(temporal_client)
    world, one = World(), card()
    async with playing(bare, world):
        await CardClient(bare).start(one)
        await bare.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded).result()
    await register_search_attributes(bare)
    await register_search_attributes(bare)
    listed = await bare.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=bare.namespace))
    assert {key.name for key in ALL} <= set(listed.custom_attributes)
