"""A Temporal server without the rate of a task queue: the workers hold a provider's calls themselves, all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.holding import HELD, CallHolder
from database.reads.ops.providers import server_keeps_rates
from domain.cards.card import Outcome
from domain.ops.maintenance import WindowState
from domain.ops.providers import Provider
from jobs.held_calls import HeldCalls, RatesOffered, keeps_rates
from jobs.maintenance import QueueRates
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


def usual(_: Provider) -> float:
    return PER_S


@dataclass
class Workers:
    """Several worker processes on one database, by a clock that a test moves."""

    world: World
    by: str
    at_s: float = 0.0
    each: list[HeldCalls] = field(default_factory=list)

    @property
    def maintenance(self) -> Maintenance:
        return Maintenance(self.world.database)

    async def waits(self, queue: str = "issuer-jd") -> list[bool]:
        """Whether a task of the queue must wait, by each worker, which all look again."""
        self.at_s += 2
        return [await one.wait(queue) is not None for one in self.each]

    async def holds(self) -> str:
        """The issuer goes into maintenance; returns the window's id."""
        return await self.maintenance.begin(self.by, WindowInput("issuer:jd", "", "New data centre", None, None))

    async def resumes(self, window: str, share: int) -> None:
        """The window is resumed at this share."""
        async with self.world.database.transaction() as session:
            values = {"id": window, "share": share, "state": WindowState.RESUMING.value}
            await session.execute(
                text("UPDATE provider_window SET state = :state, share = :share WHERE id = :id"), values
            )


async def offered(world: World, *, rates: bool | None) -> None:
    """What the server was found to offer; None: it was not asked."""
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM run_watch WHERE look = 'rates'"))
        if rates is not None:
            found = '{"offered": true}' if rates else '{"offered": false}'
            values = {"found": found}
            await session.execute(text("INSERT INTO run_watch VALUES ('rates', now(), CAST(:found AS jsonb))"), values)


@pytest_asyncio.fixture(loop_scope="session")
async def workers(world: World) -> AsyncIterator[Workers]:
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
    made = Workers(world, await world.a_person("ops"))
    made.each = [HeldCalls(world.database, usual, lambda: made.at_s) for _ in range(2)]
    yield made
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
    await offered(world, rates=None)


async def test_the_probe_tells_servers_apart_and_its_answer_is_kept(
    workers: Workers, temporal_client: Client, time_skipping: WorkflowEnvironment
) -> None:
    for client, keeps in ((temporal_client, True), (time_skipping.client, False)):
        assert await keeps_rates(client) is keeps
        await RatesOffered(workers.world.database, client).look()
        async with workers.world.database.transaction() as session:
            assert await server_keeps_rates(session) is keeps


async def test_all_workers_hold_what_the_server_cannot_and_nothing_else(workers: Workers) -> None:
    await offered(workers.world, rates=False)
    assert await workers.waits() == [False, False]
    window = await workers.holds()
    assert await workers.waits() == [True, True]
    assert await workers.waits("issuer-walmart") == await workers.waits("cards") == [False, False]
    await workers.maintenance.end(workers.by, window, at_once=True)
    assert await workers.waits() == [False, False]


@pytest.mark.parametrize("rates", [True, None], ids=["offered", "not_asked"])
async def test_workers_hold_nothing_where_the_server_does(workers: Workers, rates: bool | None) -> None:
    await offered(workers.world, rates=rates)
    await workers.holds()
    assert await workers.waits() == [False, False]


async def test_all_workers_together_keep_the_rate_of_a_resumption(workers: Workers) -> None:
    await offered(workers.world, rates=False)
    await workers.resumes(await workers.holds(), 10)  # Five a second.
    begun = 0
    for _ in range(10):
        begun += (await workers.waits()).count(False)
    assert 5 <= begun <= 9, "twenty asked within a moment"


async def test_a_wait_is_short_and_not_the_same_for_all(workers: Workers) -> None:
    await offered(workers.world, rates=False)
    await workers.holds()
    waits = [await workers.each[0].wait("issuer-jd") for _ in range(20)]
    assert all(one is not None and timedelta(seconds=2) <= one < timedelta(seconds=5) for one in waits)
    assert len(set(waits)) > 10


@pytest.mark.timeout(120)
async def test_on_a_server_without_rates_a_card_waits_and_continues_automatically(
    workers: Workers, time_skipping: WorkflowEnvironment
) -> None:
    client, scene, one = time_skipping.client, stage.World(), stage.card()
    database = workers.world.database
    await RatesOffered(database, client).look()
    steps = WindowSteps(database, QueueRates(client, usual).limit)
    window = await workers.holds()
    await steps.step()  # The server refuses the rate, and the window goes on all the same.
    holder = CallHolder(HeldCalls(database, usual).wait)
    async with playing(client, scene, interceptors=[holder]):
        await CardClient(client).start(one)
        handle = client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
        pending = []
        for _ in range(200):
            pending = list((await handle.describe()).raw_description.pending_activities)
            if pending and pending[0].last_failure.message:
                break
            await asyncio.sleep(0.05)
        assert pending[0].last_failure.application_failure_info.type == HELD
        assert scene.of("verification.ask_issuer") == []
        await workers.maintenance.end(workers.by, window, at_once=True)
        ended: CardEnded = await asyncio.wait_for(handle.result(), patience(60))
    assert ended.outcome is Outcome.PAID
    assert len(scene.of("verification.ask_issuer")) == 1
