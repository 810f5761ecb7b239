"""A ticket with a long history continues in a new run of its workflow: it carries its id alone, and loses no signal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from bootstrap.local.temporal import storage_arguments
from domain.identifiers import new_id, ticket_workflow
from services.support.advancing import TicketStep
from tests.slowness import patience
from tests.workflows import histories
from workflows.policies import DESK_QUEUE
from workflows.search_attributes import ALL
from workflows.ticket import TicketWorkflow
from workflows.ticket_client import TicketClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
EVENTS = 40  # After so many the server suggests a new run; outside of tests after thousands.
RUNS = 3


class Rows:
    """What the rows say: nothing is due until `over`; each look is counted with the run that made it."""

    def __init__(self) -> None:
        self.over = False
        self.runs: list[str] = []
        self.told: list[str] = []
        self.looked = asyncio.Event()

    @activity.defn(name="tickets.advance")
    async def advance(self, ticket_id: str) -> TicketStep:
        self.runs.append(activity.info().workflow_run_id or "")
        self.told.append(ticket_id)
        self.looked.set()
        return TicketStep(over=self.over)


async def test_busy_ticket_continues_in_a_new_run_without_losing_a_signal(temporal_cli: Path) -> None:
    suggested = f"limit.historyCount.suggestContinueAsNew={EVENTS}"
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_cli), search_attributes=ALL,
        dev_server_extra_args=[*storage_arguments(), "--dynamic-config-value", suggested],
    )  # fmt: skip
    try:
        await much_news(environment.client)
    finally:
        await environment.shutdown()


async def much_news(client: Client) -> None:
    rows, ticket_id, tickets = Rows(), new_id(), TicketClient(client)
    worker = Worker(client, task_queue=DESK_QUEUE, workflows=[TicketWorkflow], activities=[rows.advance])
    async with worker, asyncio.timeout(patience(120)):
        while len(set(rows.runs)) < RUNS:
            rows.looked.clear()
            await tickets.tell(ticket_id)
            await rows.looked.wait()  # Every piece of news is looked at, also one that comes between two runs.
        rows.over = True
        await tickets.tell(ticket_id)
        newest = client.get_workflow_handle(ticket_workflow(ticket_id))
        await newest.result()
    runs = list(dict.fromkeys(rows.runs))
    assert rows.told == [ticket_id] * len(rows.runs)
    assert (await newest.describe()).status is WorkflowExecutionStatus.COMPLETED
    first = client.get_workflow_handle(ticket_workflow(ticket_id), run_id=runs[0])
    assert (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert (await first.describe()).history_length < 2 * EVENTS
    await Replayer(workflows=[TicketWorkflow]).replay_workflow(await first.fetch_history())
    await histories.keep(client, ticket_workflow(ticket_id), runs[0])


async def test_recorded_run_continues_as_new_with_only_the_ticket_id() -> None:
    (path,) = histories.FOLDER.glob("a_ticket_with_much_news*.json")
    events = json.loads(path.read_text())["events"]
    ends, begins = (
        events[-1]["workflowExecutionContinuedAsNewEventAttributes"], events[0]["workflowExecutionStartedEventAttributes"],
    )  # fmt: skip
    assert ends["input"] == begins["input"]
