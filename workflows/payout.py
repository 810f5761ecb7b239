"""Paying the seller: written down, sent once, and if the outcome is unknown, asked for until it is known."""

from __future__ import annotations

import functools

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import steps
from workflows.messages import PaymentReported
from workflows.progress import Progress

with workflow.unsafe.imports_passed_through():
    from domain import identifiers
    from domain.cards import Stage, WaitingFor
    from domain.facts import PayoutFacts
    from domain.payout import PayoutOutcome


class Payout:
    """One payout order under one key. Nothing here ever sends an order whose outcome is unknown."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._key = identifiers.payout_key(progress.card_id, 1)
        self._reported = False

    def report(self, reported: PaymentReported) -> None:
        """The gateway reported on this order: worth asking it at once."""
        self._reported = self._reported or reported.key == self._key

    async def pay(self, quote_id: str) -> PayoutFacts:
        """Pays the accepted quote and returns the outcome, paid or refused."""
        key = self._key
        await steps.prepare_payout(self._progress.card_id, quote_id, key)
        self._progress.note(Stage.PAYOUT)
        facts = await steps.send_payout(key)
        if facts.outcome is PayoutOutcome.UNKNOWN:
            await self._progress.wait(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown")
            facts = await self._reconcile(key)
        await steps.settle_payout(key, facts.outcome, facts.code)
        return facts

    async def _reconcile(self, key: str) -> PayoutFacts:
        """Asks on a slow clock; a report from the gateway makes it ask at once."""
        while True:
            self._reported = False
            asking = steps.reconcile_payout(key)
            await workflow.wait_condition(functools.partial(self._is_over, asking))
            if not asking.done():
                asking.cancel()
            try:
                return await asking
            except ActivityError as failure:
                if not is_cancelled_exception(failure):
                    raise

    def _is_over(self, asking: workflow.ActivityHandle[PayoutFacts]) -> bool:
        return self._reported or asking.done()
