"""One ticket: the rows say what is due when, and this workflow looks at them then, and when they have changed."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows import ticket_steps


@workflow.defn
class TicketWorkflow:
    """Its id is `ticket:<ticket id>`. It carries only that id and always continues from the rows."""

    def __init__(self) -> None:
        self._changed = False

    @workflow.run
    async def run(self, ticket_id: str) -> None:
        """Returns when the ticket is closed for good."""
        while True:
            self._changed = False
            step = await ticket_steps.advance(ticket_id)
            if step.over:
                return
            await self._wait(None if step.wait_s is None else timedelta(seconds=step.wait_s))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(ticket_id)

    async def _wait(self, at_most: timedelta | None) -> None:
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=at_most)
        except TimeoutError:
            return

    @workflow.signal
    def changed(self) -> None:
        """Look again: a customer, an agent or a policy has changed the ticket, and the rows say how."""
        self._changed = True
