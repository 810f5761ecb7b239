"""The smallest workflow of a card: one step, which fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn(name="CardWorkflow")
class OneStep:
    """Asks once, on the queue that it is given."""

    @workflow.run
    async def run(self, queue: str) -> None:
        await workflow.execute_activity(
            "verification.ask_issuer", task_queue=queue, start_to_close_timeout=timedelta(minutes=5)
        )


@activity.defn(name="verification.ask_issuer")
async def failing_slowly() -> None:
    """Fails, and is not tried again before a minute has passed."""
    raise ApplicationError("a secret", type="foreign", next_retry_delay=timedelta(minutes=1))


def a_worker(client: Client, queue: str, kind: type = OneStep, **more: Any) -> Worker:
    runner = UnsandboxedWorkflowRunner()
    return Worker(client, task_queue=queue, workflows=[kind], workflow_runner=runner, max_cached_workflows=0, **more)
