"""How others reach a repair's workflow: it hears that its rows have changed, and started where it does not run."""

from __future__ import annotations

import asyncio

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from domain import identifiers
from domain.errors.general import TemporarilyUnavailable
from workflows.policies import CARDS_QUEUE
from workflows.repair import RepairWorkflow

ANSWER_WITHIN_S = 10.0


class RepairClient:
    """Speaks with the workflows of repairs. Raises TemporarilyUnavailable, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, repair_id: str) -> None:
        """Have the workflow look at its rows again; one that does not run is started."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._client.start_workflow(
                    RepairWorkflow.run,
                    repair_id,
                    id=identifiers.repair_workflow(repair_id),
                    task_queue=CARDS_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    start_signal="changed",
                )
        except (RPCError, RuntimeError, TimeoutError) as failed:
            raise TemporarilyUnavailable() from failed
