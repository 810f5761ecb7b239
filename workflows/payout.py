"""Paying the seller: written down, sent once, and if the outcome is unknown, asked for until it is known.

Only after a payee was refused for certain is there another attempt, with another payee and a key of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import steps
from workflows.messages import PayeeCorrected, PaymentReported
from workflows.progress import Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain import identifiers
    from domain.cards.card import Stage, WaitingFor
    from domain.cards.facts import PayoutFacts
    from domain.finance.payout import PayoutOutcome


UNKNOWN = "payout_unknown"  # The error class of an order whose outcome is being reconciled.
LOOKED_AGAIN_AFTER = timedelta(minutes=1)  # An order whose sending failed as it must not: it is asked about again.


class Payout:
    """One payout order at a time, each under its own key. Nothing here ever sends an order whose outcome is unknown."""

    def __init__(self, progress: Progress, attempt: int = 1) -> None:
        self._progress = progress
        self._attempt = attempt
        self._reported = False
        self._corrected = False  # The seller, or two people here, named another payee.

    @property
    def _key(self) -> str:
        return identifiers.payout_key(self._progress.card_id, self._attempt)

    def report(self, reported: PaymentReported) -> None:
        """Note that the gateway reported on this order: worth asking it at once."""
        self._reported = self._reported or reported.key == self._key

    def check_expected(self) -> None:
        """Refuses before anything enters history when no payee is awaited."""
        if self._progress.waiting_for is not WaitingFor.SELLER_PAYEE:
            raise not_expected(self._progress)

    def correct(self, corrected: PayeeCorrected) -> None:  # noqa: ARG002  # The payee itself is in the database.
        """Another payee stands in the database."""
        self._corrected = True
        self._progress.note(Stage.PAYOUT)

    async def until_paid(self, quote_id: str, confirm: Callable[[str, int], Awaitable[None]]) -> None:
        """Pays the accepted quote, with another payee for as long as the payee is refused.

        `confirm` is called with the quote and the attempt before each, and ends the journey when the card is no longer good.
        """
        while True:
            await confirm(quote_id, self._attempt)
            if (await self._attempted(quote_id)).outcome is PayoutOutcome.PAID:
                return
            self._corrected = False
            self._progress.note(Stage.PAYOUT, WaitingFor.SELLER_PAYEE)
            await workflow.wait_condition(lambda: self._corrected)  # Owed until then, however long that takes.
            self._attempt += 1

    async def _attempted(self, quote_id: str) -> PayoutFacts:
        """Makes one order and returns what the gateway said for certain, as it stands in our rows."""
        key = self._key
        await steps.prepare_payout(self._progress.card_id, quote_id, key)
        self._progress.note(Stage.PAYOUT)
        if (await self._sent(key)).outcome is PayoutOutcome.UNKNOWN:
            await self._progress.wait(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown", UNKNOWN)
            await self._reconcile(key)
        return await steps.conclude_payout(key)

    async def _sent(self, key: str) -> PayoutFacts:
        """Sends the order. A failure that is reported for good is nobody's word on the money: the order is looked at again."""
        while True:
            try:
                return await steps.send_payout(key, self._progress.edition)
            except ActivityError as failure:
                if is_cancelled_exception(failure):
                    raise
                workflow.logger.error("sending an order failed for good; it is looked at again")
                await workflow.sleep(LOOKED_AGAIN_AFTER)

    async def pay(self, quote_id: str) -> PayoutFacts:
        """Pays the accepted quote and returns the outcome: how cards were paid before a payee could be corrected."""
        key = self._key
        await steps.prepare_payout(self._progress.card_id, quote_id, key)
        self._progress.note(Stage.PAYOUT)
        facts = await self._sent(key)
        if facts.outcome is PayoutOutcome.UNKNOWN:
            await self._progress.wait(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown", UNKNOWN)
            facts = await self._reconcile(key)
        await steps.settle_payout(key, facts.outcome, facts.code)
        return facts

    async def _reconcile(self, key: str) -> PayoutFacts:
        """Asks on a slow clock; a report from the gateway makes it ask at once."""
        while True:
            self._reported = False
            asking = steps.reconcile_payout(key, self._progress.edition)
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
