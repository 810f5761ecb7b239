"""The yardstick: a workflow of one activity that does nothing, on a worker of its own process and without a codec."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "bench-bare"


@activity.defn
async def nothing() -> str:
    """As little as an activity can do."""
    return "done"


@workflow.defn
class Bare:
    """One activity."""

    @workflow.run
    async def run(self) -> str:
        """Returns what the activity returns."""
        return await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))


async def work(address: str) -> None:
    """Works until killed."""
    client = await Client.connect(address)
    async with Worker(client, task_queue=QUEUE, workflows=[Bare], activities=[nothing]):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
