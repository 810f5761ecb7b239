"""How others reach a settlement run's workflow: it is woken by its rows, and does what people and partners want."""

from __future__ import annotations

from temporalio.client import Client, WorkflowHandle

from domain import identifiers
from domain.errors.cards import NotExpectedNow
from domain.errors.settlement import SettlementMoved
from domain.finance.settlement import SettlementState
from domain.finance.settlement_acts import SettlementAct
from workflows.hearing import heard
from workflows.settlement import SettlementWorkflow
from workflows.waking import wake

ANSWER_WITHIN_S = 15.0


class SettlementClient:
    """Speaks with the workflows of runs; `period` with `counterparty_id` names one. Raises Refusal, never an error of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, run_id: str, counterparty_id: str, period: str) -> None:
        """Have the workflow look at its rows again; one that does not run is started."""
        workflow_id = identifiers.settlement_workflow(counterparty_id, period)
        await wake(self._client, SettlementWorkflow.run, run_id, workflow_id)

    async def act(self, counterparty_id: str, period: str, wanted: SettlementAct) -> SettlementState:
        """Do what a person or a partner's program wants; return the run's state. Refuse as the deed does, and SettlementMoved once it is closed."""
        run = self._run(counterparty_id, period)
        try:
            return await heard(run.execute_update(SettlementWorkflow.act, wanted), ANSWER_WITHIN_S)
        except NotExpectedNow:
            raise SettlementMoved(state=SettlementState.CLOSED.value) from None

    async def payment_reported(self, counterparty_id: str, period: str) -> None:
        """Have the workflow ask the gateway at once; a run that is over has no need to."""
        run = self._run(counterparty_id, period)
        try:
            await heard(run.signal(SettlementWorkflow.payment_reported), ANSWER_WITHIN_S)
        except NotExpectedNow:
            return

    def _run(self, counterparty_id: str, period: str) -> WorkflowHandle[SettlementWorkflow, None]:
        return self._client.get_workflow_handle(identifiers.settlement_workflow(counterparty_id, period))
