"""The workflow of a repair does what its rows say next, waits as long as they say, and carries nothing but its id."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.identifiers import new_id
from services.ops.repairs.progress import Next, RepairStep
from tests.slowness import patience
from tests.workflows import histories
from tests.workflows.once import OncePerCommand
from workflows.policies import DESK_QUEUE
from workflows.repair import RepairWorkflow
from workflows.repair_client import RepairClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
ACT, END, STAND = RepairStep(Next.ACT, 40, 20), RepairStep(Next.END), RepairStep(Next.STAND)


class Rows:
    """What the rows say, in order; the last is said again."""

    def __init__(self, *steps: RepairStep, failing: int = 0) -> None:
        self.steps = list(steps)
        self.failing = failing
        self.calls: list[str] = []

    @activity.defn(name="repairs.advance")
    async def advance(self, _: str) -> RepairStep:
        self.calls.append("advance")
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    @activity.defn(name="repairs.act")
    async def act(self, _: str, limit: int, rate_per_s: int) -> int:
        self.calls.append(f"act {limit} at {rate_per_s}")
        if self.failing:
            self.failing -= 1
            raise ApplicationError("Temporal did not answer", type="temporarily_unavailable")
        return limit

    @activity.defn(name="repairs.look")
    async def look(self, _: str) -> int:
        self.calls.append("look")
        return 0


@asynccontextmanager
async def played(client: Client, rows: Rows) -> AsyncIterator[None]:
    activities: list[Any] = [rows.advance, rows.act, rows.look]
    async with Worker(
        client, task_queue=DESK_QUEUE, workflows=[RepairWorkflow], activities=activities, interceptors=[OncePerCommand()]
    ):  # fmt: skip
        yield


async def test_repair_acts_waits_verifies_and_ends(time_skipping: WorkflowEnvironment) -> None:
    rows, repair_id = Rows(ACT, ACT, RepairStep(Next.LOOK, wait_s=3600), END, failing=2), new_id()
    async with played(time_skipping.client, rows):
        before = await time_skipping.get_current_time()
        await time_skipping.client.execute_workflow(
            RepairWorkflow.run, repair_id, id=f"repair:{repair_id}", task_queue=DESK_QUEUE
        )
        assert await time_skipping.get_current_time() - before >= timedelta(hours=1)
    acts = ["act 40 at 20"] * 3
    assert rows.calls == ["advance", *acts, "advance", "act 40 at 20", "advance", "look", "advance"]


async def test_repair_pauses_until_its_rows_change(temporal_client: Client) -> None:
    rows, repair_id = Rows(STAND, ACT, END), new_id()
    client = RepairClient(temporal_client)
    async with played(temporal_client, rows):
        await client.tell(repair_id)
        handle = temporal_client.get_workflow_handle(f"repair:{repair_id}")
        while len(rows.calls) < 2 and (await handle.describe()).close_time is None:
            await client.tell(repair_id)  # One that runs is signalled, and not started twice.
            await asyncio.sleep(0.1)
        await asyncio.wait_for(handle.result(), patience(30))
        await histories.keep(temporal_client, f"repair:{repair_id}")
    assert rows.calls[-3:] == ["advance", "act 40 at 20", "advance"]
