"""How a workflow that goes by its rows hears that they have changed: it is signalled, and started where it does not run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from domain.errors.general import TemporarilyUnavailable
from workflows.policies import DESK_QUEUE

ANSWER_WITHIN_S = 10.0


@asynccontextmanager
async def reaching() -> AsyncIterator[None]:
    """Turn every way in which Temporal cannot be reached into TemporarilyUnavailable, after ANSWER_WITHIN_S at the latest."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            yield
    except (RPCError, RuntimeError, TimeoutError) as failed:
        raise TemporarilyUnavailable() from failed


async def wake(client: Client, run: Callable[[Any, str], Awaitable[None]], subject: str, workflow_id: str) -> None:
    """Have the workflow of a subject look at its rows again; `run` is its run method, which takes the subject's id alone.

    Raises TemporarilyUnavailable, never an error of Temporal.
    """
    async with reaching():
        await client.start_workflow(
            run,
            subject,
            id=workflow_id,
            task_queue=DESK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="changed",
        )
