"""How others reach a ticket's workflow: it hears that its rows have changed, and is started where it does not run."""

from __future__ import annotations

from temporalio.client import Client

from domain import identifiers
from domain.work.kinds import subject_of
from workflows.ticket import TicketWorkflow
from workflows.waking import wake


class TicketClient:
    """Speaks with the workflows of tickets. Raises TemporarilyUnavailable, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, ticket_id: str) -> None:
        """Have the workflow look at its rows again; one that does not run is started."""
        await wake(self._client, TicketWorkflow.run, ticket_id, identifiers.ticket_workflow(ticket_id))

    async def replan(self, _card_id: str, task_id: str) -> None:
        """Have the workflow plan the clocks of the work item's ticket again."""
        await self.tell(subject_of(task_id))
