"""How others reach a ticket's workflow: it hears that its rows have changed, and is started where it does not run."""

from __future__ import annotations

import asyncio

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from domain import identifiers
from domain.errors.general import TemporarilyUnavailable
from domain.work.kinds import subject_of
from workflows.policies import CARDS_QUEUE
from workflows.ticket import TicketWorkflow

ANSWER_WITHIN_S = 10.0


class TicketClient:
    """Speaks with the workflows of tickets. Raises TemporarilyUnavailable, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, ticket_id: str) -> None:
        """Have the workflow look at its rows again; one that does not run is started."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._client.start_workflow(
                    TicketWorkflow.run,
                    ticket_id,
                    id=identifiers.ticket_workflow(ticket_id),
                    task_queue=CARDS_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    start_signal="changed",
                )
        except (RPCError, RuntimeError, TimeoutError) as failed:
            raise TemporarilyUnavailable() from failed

    async def replan(self, _card_id: str, task_id: str) -> None:
        """Have the workflow plan the clocks of the work item's ticket again."""
        await self.tell(subject_of(task_id))
