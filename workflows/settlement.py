"""One period of one counterparty: collected, stated, answered, paid, closed. The rows say what is next and until when."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import settlement_steps, steps
from workflows.sending import Sending

with workflow.unsafe.imports_passed_through():
    from domain.cards.facts import EDITION
    from domain.finance.payout import PayoutOutcome
    from domain.finance.settlement import SettlementState
    from domain.finance.settlement_acts import NextStep, SettlementAct, SettlementStep


@workflow.defn
class SettlementWorkflow:
    """Its id is `settlement:<counterparty>:<period>`. It carries only the run's id and always continues from the rows."""

    def __init__(self) -> None:
        self._changed = False
        self._over = False
        self._sending = Sending(EDITION)
        self._acting = asyncio.Lock()

    @workflow.run
    async def run(self, run_id: str) -> None:
        """Returns when the run is closed."""
        while (step := await self._look(run_id)).next is not NextStep.OVER:
            if step.next is NextStep.COLLECT:
                await settlement_steps.collect(run_id)
            elif step.next is NextStep.STATE:
                await settlement_steps.state(run_id)
            elif step.next is NextStep.PAY:
                await self._pay(run_id, step.key)
            else:
                await self._wait(step.wait_s)
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(run_id)
        self._over = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update
    async def act(self, wanted: SettlementAct) -> SettlementState:
        """Do what a person or a partner's program wants; the rows refuse what comes too late, or twice by others."""
        async with self._acting:
            state = await settlement_steps.act(wanted)
        self._changed = True
        return state

    @act.validator
    def check_act(self, wanted: SettlementAct) -> None:  # noqa: ARG002  # The same signature as the handler.
        """Refuses before anything enters history once the run is closed."""
        if self._over:
            raise ApplicationError("settlement_moved", {"state": SettlementState.CLOSED.value}, type="settlement_moved")

    @workflow.signal
    def changed(self) -> None:
        """Look again: the rows have changed."""
        self._changed = True

    @workflow.signal
    def payment_reported(self) -> None:
        """Ask the gateway at once: it reported on the order."""
        self._sending.report()

    async def _look(self, run_id: str) -> SettlementStep:
        self._changed = False
        return await settlement_steps.look(run_id)

    async def _pay(self, run_id: str, key: str) -> None:
        """Sends one order and finds out what became of it; a refused one leaves the run waiting for another payee.

        One that may not leave yet waits until the rows have changed: what lets it go signals the run.
        """
        if await settlement_steps.prepare(run_id, key) is not None:
            await self._wait(None)
            return
        if (await self._sending.sent(key)).outcome is PayoutOutcome.UNKNOWN:
            await self._sending.reconciled(key)
        await steps.conclude_payout(key)

    async def _wait(self, wait_s: int | None) -> None:
        try:
            at_most = None if wait_s is None else timedelta(seconds=wait_s)
            await workflow.wait_condition(lambda: self._changed, timeout=at_most)
        except TimeoutError:
            return
