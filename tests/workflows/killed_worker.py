"""A worker in a process of its own, to be killed: its steps begin, say so, beat, and never end."""

from __future__ import annotations

import asyncio
import sys

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from activities.heartbeats import beating
from bootstrap.worker_options import worker_options

STEPS = ("reading.read_photos", "payout.send", "payout.reconcile")


def endless(step: str) -> object:
    """An activity of that name that runs until its process ends."""

    @activity.defn(name=step)
    async def run() -> None:
        async with beating():
            print(step, flush=True)
            await asyncio.sleep(600)

    return run


async def main(address: str, queue: str) -> None:
    client = await Client.connect(address)
    activities = [endless(step) for step in STEPS]
    async with Worker(client, task_queue=queue, activities=activities, **worker_options()):  # type: ignore[arg-type]
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
