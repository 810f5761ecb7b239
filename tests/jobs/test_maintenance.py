"""A provider in maintenance on a real server: its calls neither begin nor fail, and cards go on by themselves after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from domain.cards.card import Outcome
from domain.ops.maintenance import Window, WindowState
from domain.ops.providers import Provider, ProviderKind, issuer, store
from domain.rules.brands import providers
from jobs.maintenance import QueueRates, queues_of
from services.ops.maintenance import Maintenance, WindowInput
from services.ops.window_steps import WindowSteps
from tests.builders.world import World
from tests.slowness import patience
from tests.workflows import stage
from tests.workflows.stage import playing
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")
PER_S = 50.0
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def usual(_: Provider) -> float:
    return PER_S


@asynccontextmanager
async def stepping(world: World, client: Client) -> AsyncIterator[WindowSteps]:
    """The job's look, repeated as the job does."""
    steps = WindowSteps(world.database, QueueRates(client, usual).limit)

    async def repeated() -> None:
        while True:
            await steps.step()
            await asyncio.sleep(0.2)

    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
    task = asyncio.create_task(repeated())
    try:
        yield steps
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_maintenance_costs_no_attempt_and_the_card_continues_within_seconds_after_it(
    world: World, temporal_client: Client
) -> None:
    operator, scene = await world.a_person("ops"), stage.World()
    maintenance, one = Maintenance(world.database), stage.card()
    async with playing(temporal_client, scene), stepping(world, temporal_client):
        window = await maintenance.begin(operator, WindowInput("issuer:jd", "", "New data centre", None, None))
        await asyncio.sleep(1.5)
        await CardClient(temporal_client).start(one)
        handle = temporal_client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
        await asyncio.sleep(4)
        [pending] = (await handle.describe()).raw_description.pending_activities
        assert (pending.activity_type.name, pending.attempt) == ("verification.ask_issuer", 1)
        assert not pending.HasField("last_started_time"), "no worker has taken it"
        assert scene.of("verification.ask_issuer") == []
        await maintenance.end(operator, window)
        ended_at = time.monotonic()
        ended: CardEnded = await asyncio.wait_for(handle.result(), patience(40))
        assert ended.outcome is Outcome.PAID
        assert time.monotonic() - ended_at < 20, "the first stage lets one call a second through, in four parts"
        assert len(scene.of("verification.ask_issuer")) == 1
        await maintenance.end(operator, window, at_once=True)
        await asyncio.sleep(1)


async def test_a_limit_that_no_window_wants_any_more_is_taken_away_at_the_next_start(temporal_client: Client) -> None:
    lost = Window("W1", "fx", "", "", NOW, None, WindowState.HELD, 0, NOW, None)
    await QueueRates(temporal_client, usual).limit([lost])
    assert await rate(temporal_client, "fx") == 0.0
    await QueueRates(temporal_client, usual).limit([])
    assert await rate(temporal_client, "fx") is None


async def rate(client: Client, queue: str) -> float | None:
    """The calls a second that the server lets through; None without a limit."""
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, report_config=True,
    )  # fmt: skip
    limit = (await client.workflow_service.describe_task_queue(asked)).config.queue_rate_limit
    return limit.rate_limit.requests_per_second if limit.HasField("rate_limit") else None


async def test_every_provider_but_messages_has_a_queue_that_no_other_has() -> None:
    queues = [queue for provider in providers() for queue in queues_of(provider)]
    assert len(queues) == len(set(queues))
    assert [one.id for one in providers() if not queues_of(one)] == [Provider(ProviderKind.MESSAGES).id]


async def test_one_of_several_brands_of_an_issuer_has_its_own_part_of_the_queue() -> None:
    assert queues_of(issuer("acme"), "acme-gold") == ("issuer-acme.acme-gold",)
    assert queues_of(store("jd"), "jd") == ("store-jd",)
