"""How others reach a repair's workflow: it hears that its rows have changed, and is started where it does not run."""

from __future__ import annotations

from temporalio.client import Client

from domain import identifiers
from workflows.repair import RepairWorkflow
from workflows.waking import wake


class RepairClient:
    """Speaks with the workflows of repairs. Raises TemporarilyUnavailable, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, repair_id: str) -> None:
        """Have the workflow look at its rows again; one that does not run is started."""
        await wake(self._client, RepairWorkflow.run, repair_id, identifiers.repair_workflow(repair_id))
