"""What a worker of a build leaves behind: its open runs are counted, its slots and its tasks' waits are known. A real server."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from temporalio.client import Client

from bootstrap.telemetry.sdk_metrics import LABELS, SdkMetrics
from database.reads.ops import workers as reads
from domain.identifiers import new_id
from domain.ops.workers import Waits
from jobs.builds import BuildCounter
from services.ops.workers import Workers
from tests.builders.world import World
from tests.jobs.one_step import OneStep, a_worker, failing_slowly

pytestmark = pytest.mark.asyncio(loop_scope="session")
TRIES = 200


async def test_open_runs_are_counted_by_build_and_the_workers_slots_and_waits_are_known(
    world: World, temporal_client: Client
) -> None:
    queue, build, measured = f"build-{new_id()}", f"b-{new_id()}", SdkMetrics()
    address = temporal_client.service_client.config.target_host
    client = await Client.connect(address, runtime=measured.runtime)
    await Workers(world.database).claim("cards", f"host-{new_id()}", os.getpid(), build)
    counter, run = BuildCounter(world.database, temporal_client), f"card:{new_id()}"
    async with a_worker(
        client, queue, OneStep, activities=[failing_slowly], build_id=build, max_concurrent_activities=7
    ):
        await client.start_workflow("CardWorkflow", queue, id=run, task_queue=queue)
        for _ in range(TRIES):
            used = measured.queues_used().get(queue, {})
            if {kind for kind, one in used.items() if Waits().and_also(one.waits).total} == {"workflow", "activity"}:
                break
            await asyncio.sleep(0.1)
    assert used["activity"].slots == 7
    for _ in range(TRIES):  # Temporal's list is behind by a moment.
        await counter.count()
        async with world.database.transaction() as session:
            found = await reads.builds(session, await reads.processes(session, datetime.now(UTC)))
        open_runs = {one.build_id: (one.open_runs, one.working) for one in found}
        if open_runs[build] == (1, 1):
            break
        await asyncio.sleep(0.1)
    assert open_runs[build] == (1, 1)
    await temporal_client.get_workflow_handle(run).terminate()
    registry = CollectorRegistry()
    registry.register(measured)
    text = generate_latest(registry).decode()
    assert (
        f'temporal_worker_task_slots_available{{activity_type="",operation="",poller_type="",status_code="",task_queue="{queue}"'
        in text
    )
    labels = {name for family in measured.collect() for one in family.samples for name in one.labels}
    assert labels - {"le"} == set(LABELS)
    assert run not in text
