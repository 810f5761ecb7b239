"""The workflow of a ticket looks at its rows when they say and when they have changed; time jumps, clocks and rows are real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.tickets import TicketActivities
from database.tables.support.tickets import TicketRow
from domain.identifiers import new_id, ticket_task, ticket_workflow
from domain.support.tickets import TicketState
from jobs.tickets import TicketSender
from services.support.advancing import TicketStep
from services.support.conversation import AfterReply
from tests.builders.hands import MONDAY
from tests.builders.ticket_clocks import HOUR, TicketScene
from tests.builders.ticket_clocks import scene as scene
from tests.builders.ticket_clocks import ticket_url as ticket_url
from tests.builders.ticket_clocks import ticket_world as ticket_world
from tests.slowness import patience
from tests.workflows import histories
from tests.workflows.once import OncePerCommand
from workflows.policies import DESK_QUEUE
from workflows.ticket import TicketWorkflow
from workflows.ticket_client import TicketClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAY = timedelta(days=1)


class Rows:
    """What the rows say, in order; the last is said again."""

    def __init__(self, *steps: TicketStep) -> None:
        self.steps = list(steps)
        self.looks = 0
        self.looked = asyncio.Event()

    @activity.defn(name="tickets.advance")
    async def advance(self, _: str) -> TicketStep:
        self.looks += 1
        self.looked.set()
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]


def a_worker(client: Client, rows: Rows) -> Worker:
    return Worker(
        client, task_queue=DESK_QUEUE, workflows=[TicketWorkflow], activities=[rows.advance], interceptors=[OncePerCommand()]
    )  # fmt: skip


async def test_ticket_workflow_waits_for_its_rows_and_ends_with_the_ticket(time_skipping: WorkflowEnvironment) -> None:
    rows, ticket_id = Rows(TicketStep(over=False, wait_s=7200), TicketStep(over=True)), new_id()
    async with a_worker(time_skipping.client, rows):
        before = await time_skipping.get_current_time()
        await time_skipping.client.execute_workflow(
            TicketWorkflow.run, ticket_id, id=ticket_workflow(ticket_id), task_queue=DESK_QUEUE
        )
        assert await time_skipping.get_current_time() - before >= 2 * HOUR
    assert rows.looks == 2


async def test_idle_ticket_adds_no_history_and_a_signal_triggers_a_check(temporal_client: Client) -> None:
    rows, ticket_id = Rows(TicketStep(over=False), TicketStep(over=False), TicketStep(over=True)), new_id()
    tickets = TicketClient(temporal_client)
    async with a_worker(temporal_client, rows):
        await tickets.tell(ticket_id)
        handle = temporal_client.get_workflow_handle(ticket_workflow(ticket_id))
        await asyncio.wait_for(rows.looked.wait(), patience(30))
        await asyncio.sleep(0.5)
        seen = (await handle.describe()).history_length
        await asyncio.sleep(1.5)
        assert (await handle.describe()).history_length == seen
        while rows.looks < 3:
            await tickets.replan("", ticket_task(ticket_id))
            await asyncio.sleep(0.1)
        await asyncio.wait_for(handle.result(), patience(30))
        await histories.keep(temporal_client, ticket_workflow(ticket_id))


class Played:
    """A real ticket under its real workflow; a moment of the server counts as one after nine on Monday."""

    def __init__(self, scene: TicketScene, environment: WorkflowEnvironment, begun: datetime) -> None:
        self.scene, self.environment, self._shift = scene, environment, MONDAY - begun

    async def now(self) -> datetime:
        return await self.environment.get_current_time() + self._shift

    @activity.defn(name="tickets.advance")
    async def advance(self, ticket_id: str) -> TicketStep:
        moment = await self.now()
        return await TicketActivities(self.scene.world.database, now=lambda: moment).advance(ticket_id)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = Worker(
            self.environment.client, task_queue=DESK_QUEUE, workflows=[TicketWorkflow], activities=[self.advance],
            max_cached_workflows=0,  # The next worker has it without waiting for this one.
        )  # fmt: skip
        async with worker:
            yield

    async def started(self, ticket_id: str) -> WorkflowHandle[TicketWorkflow, None]:
        return await self.environment.client.start_workflow(
            TicketWorkflow.run, ticket_id, id=ticket_workflow(ticket_id), task_queue=DESK_QUEUE
        )

    async def passes(self, span: timedelta) -> None:
        await self.environment.sleep(span)
        self.scene.now = await self.now()

    async def settled(self, ticket_id: str, what: str) -> None:
        """Wait until the ticket's history has an event."""
        for _ in range(400):
            if what in [event.what for event in (await self.scene.ticket(ticket_id)).events]:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{what} never happened")


@pytest.fixture
async def played(scene: TicketScene, time_skipping: WorkflowEnvironment) -> Played:
    made = Played(scene, time_skipping, await time_skipping.get_current_time())
    scene.now = await made.now()
    return made


@pytest.mark.thorough
async def test_ticket_alarm_survives_a_worker_restart(played: Played) -> None:
    ticket_id = await played.scene.opened()
    async with played.working():
        await played.started(ticket_id)
        await played.passes(4 * HOUR)
        await played.settled(ticket_id, "soon_first_response")
    async with played.working():
        await played.passes(2 * HOUR)
        await played.settled(ticket_id, "late_first_response")
        await played.passes(3 * DAY)
        await played.settled(ticket_id, "late_resolution")
    names = await played.scene.alarms(ticket_id)
    assert len(names) == len(set(names))
    assert {"warning:first_response:1", "breach:first_response:1", "chain:1:first_response:1"} <= set(names)
    assert await played.scene.untrue() == []


async def test_ticket_is_answered_expires_is_reopened_and_closes(played: Played) -> None:
    scene = played.scene
    ticket_id = await scene.opened()
    async with played.working():
        handle = await played.started(ticket_id)
        await scene.replied(ticket_id)
        await handle.signal(TicketWorkflow.changed)
        await played.passes(7 * DAY + HOUR)
        await played.settled(ticket_id, "solved_by_silence")
        await scene.heard(ticket_id)
        await handle.signal(TicketWorkflow.changed)
        await scene.replied(ticket_id, AfterReply.SOLVE)
        await handle.signal(TicketWorkflow.changed)
        await asyncio.wait_for(handle.result(), patience(45))
    found = await scene.ticket(ticket_id)
    assert (found.ticket.state, found.ticket.reopened) == (TicketState.CLOSED, 1)
    assert all(one.sent_at is not None for one in found.said)
    assert {"resolution:1", "resolution:2", "next_response:1"} < set(await scene.clocks(ticket_id))
    assert await scene.alarms(ticket_id) == []
    assert await scene.untrue() == []


class Told:
    """A stand-in for the client: records its calls, until it is full."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, ticket_id: str) -> None:
        self.told.append(ticket_id)


async def test_each_change_is_signalled_once(scene: TicketScene) -> None:
    told = Told()
    sender = TicketSender(scene.world.database, told)  # type: ignore[arg-type]  # All that it calls.
    while await sender.tell():
        pass
    ticket_id = await scene.opened()
    told.told = []
    assert (await sender.tell(), await sender.tell()) == (1, 0)
    await scene.replied(ticket_id)
    assert await sender.tell() == 1
    assert told.told == [ticket_id] * 2
    (row,) = await scene.world.rows(TicketRow, id=ticket_id)
    assert row.heard_revision == row.revision
