"""How others speak with the workflow of a goodwill payment."""

from __future__ import annotations

from contextlib import suppress

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain import identifiers
from workflows.goodwill import GoodwillWorkflow
from workflows.messages import PaymentReleased, PaymentReported
from workflows.policies import CARDS_QUEUE
from workflows.waking import reaching


class GoodwillClient:
    """Starts payments and reports on them. Raises TemporarilyUnavailable, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, goodwill_id: str) -> None:
        """Start the payment; one that was started before is left as it is."""
        await self._start(goodwill_id, WorkflowIDReusePolicy.REJECT_DUPLICATE)

    async def restart(self, goodwill_id: str) -> None:
        """Start the payment from its rows where no workflow of it runs, also after one has ended."""
        await self._start(goodwill_id, WorkflowIDReusePolicy.ALLOW_DUPLICATE)

    async def _start(self, goodwill_id: str, reuse: WorkflowIDReusePolicy) -> None:
        async with reaching():
            with suppress(WorkflowAlreadyStartedError):
                await self._client.start_workflow(
                    GoodwillWorkflow.run,
                    goodwill_id,
                    id=identifiers.goodwill_workflow(goodwill_id),
                    task_queue=CARDS_QUEUE,
                    id_reuse_policy=reuse,
                )

    async def released(self, goodwill_id: str) -> None:
        """Report that what held the payment is over. One that has ended, or is not there, hears nothing."""
        await self._signal(goodwill_id, "payment_released", PaymentReleased(identifiers.goodwill_key(goodwill_id)))

    async def reported(self, goodwill_id: str) -> None:
        """Report that the payment's outcome is known by now: it is asked about at once."""
        await self._signal(goodwill_id, "payment_reported", PaymentReported(identifiers.goodwill_key(goodwill_id)))

    async def _signal(self, goodwill_id: str, name: str, said: PaymentReleased | PaymentReported) -> None:
        async with reaching():
            try:
                await self._client.get_workflow_handle(identifiers.goodwill_workflow(goodwill_id)).signal(name, said)
            except RPCError as failed:
                if failed.status is not RPCStatusCode.NOT_FOUND:
                    raise
