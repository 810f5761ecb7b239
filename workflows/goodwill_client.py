"""How others start the workflow of a goodwill payment."""

from __future__ import annotations

from contextlib import suppress

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain import identifiers
from workflows.goodwill import GoodwillWorkflow
from workflows.policies import CARDS_QUEUE
from workflows.waking import reaching


class GoodwillClient:
    """Starts payments. Raises TemporarilyUnavailable, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, goodwill_id: str) -> None:
        """Start the payment; one that was started before is left as it is."""
        async with reaching():
            with suppress(WorkflowAlreadyStartedError):
                await self._client.start_workflow(
                    GoodwillWorkflow.run,
                    goodwill_id,
                    id=identifiers.goodwill_workflow(goodwill_id),
                    task_queue=CARDS_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )
