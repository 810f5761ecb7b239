"""A worker whose process is killed: its running steps are taken over within ten seconds, for payments and for reading."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bootstrap.settings import PROJECT_ROOT
from bootstrap.worker_options import worker_options
from domain.identifiers import new_id
from tests.slowness import patience
from tests.workflows.killed_worker import STEPS
from workflows.policies import PAY, READ_PHOTOS, RECONCILE

pytestmark = pytest.mark.asyncio(loop_scope="session")
WITHIN_S = 10
POLICIES = dict(zip(STEPS, (READ_PHOTOS, PAY, RECONCILE), strict=True))


@workflow.defn
class EveryStep:
    """Calls the three steps at once, with the options that cards call them with."""

    @workflow.run
    async def run(self, queue: str) -> None:
        calls = [workflow.execute_activity(step, task_queue=queue, **policy) for step, policy in POLICIES.items()]
        await asyncio.gather(*calls)


def taking_over(step: str, taken_at: dict[str, float]) -> object:
    @activity.defn(name=step)
    async def run() -> None:
        assert activity.info().attempt == 2
        taken_at[step] = time.monotonic()

    return run


async def begun(worker: asyncio.subprocess.Process) -> set[str]:
    assert worker.stdout is not None
    return {(await worker.stdout.readline()).decode().strip() for _ in STEPS}


@pytest.mark.thorough
async def test_the_running_steps_of_a_killed_worker_are_taken_over_within_ten_seconds(temporal_client: Client) -> None:
    queue, taken_at = f"killed-{new_id()}", dict[str, float]()
    address = temporal_client.service_client.config.target_host
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.workflows.killed_worker", address, queue,
        cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    activities = [taking_over(step, taken_at) for step in STEPS]
    runner, stories = UnsandboxedWorkflowRunner(), f"stories-{queue}"
    try:
        async with Worker(temporal_client, task_queue=stories, workflows=[EveryStep], workflow_runner=runner):
            run = await temporal_client.start_workflow(EveryStep.run, queue, id=queue, task_queue=stories)
            assert await asyncio.wait_for(begun(doomed), patience(30)) == set(STEPS)
            async with Worker(temporal_client, task_queue=queue, activities=activities, **worker_options()):  # type: ignore[arg-type]
                doomed.kill()
                killed_at = time.monotonic()
                await run.result()
    finally:
        if doomed.returncode is None:
            doomed.kill()
        await doomed.wait()
    seconds = {step: round(at - killed_at, 1) for step, at in taken_at.items()}
    print(seconds)
    assert set(seconds) == set(STEPS)
    assert max(seconds.values()) < WITHIN_S
