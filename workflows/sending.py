"""Send one payment order and find out what became of it: an outcome that is unknown is asked for, never sent again."""

from __future__ import annotations

import functools
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import steps

with workflow.unsafe.imports_passed_through():
    from domain.cards.facts import PayoutFacts

LOOKED_AGAIN_AFTER = timedelta(minutes=1)  # An order whose sending failed as it must not: it is asked about again.


class Sending:
    """The calls about an order, by its key; `edition` chooses the queue of cards from before the gateway had its own.

    Where sending `concludes`, a certain answer to it is posted by the same step.
    """

    def __init__(self, edition: int, *, concludes: bool = False) -> None:
        self._edition = edition
        self.concludes = concludes
        self._reported = False

    def report(self) -> None:
        """Note that the gateway reported on the order: worth asking it at once."""
        self._reported = True

    async def sent(self, key: str) -> PayoutFacts:
        """Sends the order. A failure reported as final says nothing about the money: the order is queried again."""
        while True:
            try:
                return await steps.send_payout(key, self._edition, self.concludes)
            except ActivityError as failure:
                if is_cancelled_exception(failure):
                    raise
                workflow.logger.error("sending an order failed for good; it is looked at again")
                await workflow.sleep(LOOKED_AGAIN_AFTER)

    async def reconciled(self, key: str) -> PayoutFacts:
        """Asks on a slow clock; a report from the gateway makes it ask at once."""
        while True:
            self._reported = False
            asking = steps.reconcile_payout(key, self._edition)
            await workflow.wait_condition(functools.partial(self._is_over, asking))
            if not asking.done():
                asking.cancel()
            try:
                return await asking
            except ActivityError as failure:
                if not is_cancelled_exception(failure):
                    workflow.logger.error("asking about an order failed for good; it is asked about again")
                    await workflow.sleep(LOOKED_AGAIN_AFTER)

    def _is_over(self, asking: workflow.ActivityHandle[PayoutFacts]) -> bool:
        return self._reported or asking.done()
