"""A goodwill payment on a real Temporal server: sent once under one key, and asked about while its outcome is unknown."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from domain.cards.card import WaitingFor
from domain.cards.facts import PaymentHeld, PayoutFacts
from domain.finance.payout import PayoutOutcome
from domain.identifiers import goodwill_key, goodwill_workflow, new_id
from tests.workflows.histories import keep
from tests.workflows.stage import World, playing
from workflows.goodwill_client import GoodwillClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
UNKNOWN = PayoutFacts(PayoutOutcome.UNKNOWN, None)
REFUSED = PayoutFacts(PayoutOutcome.REFUSED, "PAYEE_NOT_EXIST")


async def given(client: Client, world: World) -> tuple[str, str]:
    """Start a payment twice; return its id and its outcome."""
    goodwill_id, starting = new_id(), GoodwillClient(client)
    async with playing(client, world):
        await starting.start(goodwill_id)
        await starting.start(goodwill_id)
        run = client.get_workflow_handle(goodwill_workflow(goodwill_id), result_type=str)
        outcome = await run.result()
        await starting.start(goodwill_id)  # It is over: nothing begins again.
    await keep(client, goodwill_workflow(goodwill_id))
    return goodwill_id, outcome


async def test_an_agreed_goodwill_is_paid_once(temporal_client: Client) -> None:
    world = World()
    goodwill_id, outcome = await given(temporal_client, world)
    key = goodwill_key(goodwill_id)
    assert (outcome, world.names()) == ("paid", ["payout.prepare_goodwill", "payout.send", "payout.conclude"])
    assert (world.of("payout.prepare_goodwill"), world.of("payout.send")) == ([(goodwill_id, key)], [(key,)])


async def test_an_unknown_goodwill_is_reconciled_and_never_sent_again(temporal_client: Client) -> None:
    world = World(payments=[UNKNOWN])
    _, outcome = await given(temporal_client, world)
    assert (outcome, len(world.of("payout.send")), len(world.of("payout.reconcile"))) == ("paid", 1, 1)


async def test_a_refused_goodwill_ends_refused(temporal_client: Client) -> None:
    world = World(payments=[REFUSED])
    assert (await given(temporal_client, world))[1] == "refused"
    assert len(world.of("payout.send")) == 1


async def _prepared(world: World, times: int) -> None:
    """Return when its order was to be made so often."""
    for _ in range(1_300):
        if len(world.of("payout.prepare_goodwill")) >= times:
            return
        await asyncio.sleep(0.03)
    raise AssertionError(world.names())


async def test_held_goodwill_payment_waits(temporal_client: Client) -> None:
    held = PaymentHeld(WaitingFor.RAIL, None)
    world, goodwill_id, desk = World(prepared=[held, held, None]), new_id(), GoodwillClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(goodwill_id)
        for looks in (1, 2):
            await _prepared(world, looks)
            assert world.of("payout.send") == []
            await desk.released(goodwill_id)
        run = temporal_client.get_workflow_handle(goodwill_workflow(goodwill_id), result_type=str)
        assert await run.result() == "paid"
        await desk.released(goodwill_id)  # It is over: nothing hears it.
        await desk.reported(goodwill_id)
        await desk.released(new_id())
    await keep(temporal_client, goodwill_workflow(goodwill_id))
    assert len(world.of("payout.send")) == 1


async def test_lost_goodwill_workflow_is_restarted_and_a_running_one_kept(
    temporal_client: Client,
) -> None:
    world, goodwill_id, desk = World(), new_id(), GoodwillClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.restart(goodwill_id)
        run = temporal_client.get_workflow_handle(goodwill_workflow(goodwill_id), result_type=str)
        assert await run.result() == "paid"
        await desk.restart(goodwill_id)  # Its rows are older than its end, as after a restore.
        again = temporal_client.get_workflow_handle(goodwill_workflow(goodwill_id), result_type=str)
        assert await again.result() == "paid"
    assert {arguments[1] for arguments in world.of("payout.prepare_goodwill")} == {goodwill_key(goodwill_id)}
