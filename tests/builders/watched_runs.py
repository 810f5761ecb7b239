"""Looks at open runs as the console's loop takes them, until Temporal has said what a test waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from database.reads.ops import stuck
from domain.ops.runs import StepState
from jobs.open_runs import RunWatcher
from tests.builders.world import World

TRIES = 200


async def never(workflow_id: str) -> None:
    raise AssertionError(f"{workflow_id} is not to be started again")


def a_watcher(
    world: World,
    client: Client,
    queues: tuple[tuple[str, str], ...] = (),
    restart: Callable[[str], Awaitable[None]] = never,
) -> RunWatcher:
    """A watcher whose clock is ten seconds ahead, so that what was just started counts as not moving."""
    return RunWatcher(
        world.database, client, lambda: queues, restart, lambda: datetime.now(UTC) + timedelta(seconds=10)
    )


async def described(
    world: World, watcher: RunWatcher, card_id: str, state: StepState, step_name: str = "", tries: int = TRIES
) -> stuck.PendingStep:
    """Look until the run's step, that one where it is named, is known in that state."""
    for _ in range(tries):
        # The others rest, or the same oldest runs are asked about at each look.
        watcher._asked.pop(f"card:{card_id}", None)
        await watcher.describe()
        async with world.database.transaction() as session:
            step = await stuck.pending(session, f"card:{card_id}")
        if step is not None and step.state is state and step_name in ("", step.step):
            return step
        await asyncio.sleep(0.1)
    raise AssertionError(f"the step never was {state}: {step}")
