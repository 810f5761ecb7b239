"""Paying the seller: written down, sent once, and if the outcome is unknown, asked for until it is known.

Only after a payee was refused for certain is there another attempt, with another payee and a key of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import workflow

from workflows import steps
from workflows.messages import PayeeCorrected, PaymentReleased, PaymentReported
from workflows.progress import Progress, not_expected
from workflows.sending import Sending

with workflow.unsafe.imports_passed_through():
    from domain import identifiers
    from domain.cards.card import Stage, WaitingFor
    from domain.cards.facts import CONCLUDED_BY_SENDING, PaymentHeld, PayoutFacts
    from domain.finance.payout import PayoutOutcome


UNKNOWN = "payout_unknown"  # The error class of an order whose outcome is being reconciled.
HELD = "payout_held"  # And of a payment that may not leave yet.
ASKED_AGAIN = 1000  # Added to the attempt: the issuer would repeat its answer to a question with an old number.


class Payout:
    """One payout order at a time, each under its own key. Nothing here ever sends an order whose outcome is unknown."""

    def __init__(self, progress: Progress, attempt: int = 1) -> None:
        self._progress = progress
        self._attempt = attempt
        self._sending = Sending(progress.edition, concludes=progress.edition >= CONCLUDED_BY_SENDING)
        self._corrected = False  # The seller, or two people here, named another payee.
        self._released = False  # What held the payment is over.

    @property
    def _key(self) -> str:
        return identifiers.payout_key(self._progress.card_id, self._attempt)

    def report(self, reported: PaymentReported) -> None:
        """Note that the gateway reported on this order: worth asking it at once."""
        if reported.key == self._key:
            self._sending.report()

    def release(self, released: PaymentReleased) -> None:
        """Note that what held this payment is over: worth preparing it again."""
        if released.key == self._key:
            self._released = True

    def check_expected(self) -> None:
        """Refuses before anything enters history when no payee is awaited."""
        if self._progress.waiting_for is not WaitingFor.SELLER_PAYEE:
            raise not_expected(self._progress)

    def correct(self, corrected: PayeeCorrected) -> None:  # noqa: ARG002  # The payee itself is in the database.
        """Report that another payee is in the database."""
        self._corrected = True
        self._progress.note(Stage.PAYOUT)

    async def until_paid(self, quote_id: str, confirm: Callable[[str, int], Awaitable[None]]) -> None:
        """Pays the accepted quote, with another payee for as long as the payee is refused.

        `confirm` is called with the quote and the attempt before each, and ends the journey when the card is no longer good.
        """
        while True:
            await self._prepared(quote_id, confirm)
            if (await self._attempted()).outcome is PayoutOutcome.PAID:
                return
            self._corrected = False
            self._progress.note(Stage.PAYOUT, WaitingFor.SELLER_PAYEE)
            await workflow.wait_condition(lambda: self._corrected)  # Owed until then, however long that takes.
            self._attempt += 1

    async def _prepared(self, quote_id: str, confirm: Callable[[str, int], Awaitable[None]]) -> None:
        """Makes one order once it may leave; the card is confirmed again after each wait, however long that took."""
        for waits in itertools.count():
            await confirm(quote_id, self._attempt + ASKED_AGAIN * waits)
            self._released = False
            held = await steps.prepare_payout(self._progress.card_id, quote_id, self._key)
            if held is None:
                return
            self._wait(held)
            await workflow.wait_condition(lambda: self._released)
        raise AssertionError("counting does not end")

    def _wait(self, held: PaymentHeld) -> None:
        until = None if held.until is None else datetime.fromisoformat(held.until)
        self._progress.note(Stage.PAYOUT, held.waiting_for, until, HELD)

    async def _attempted(self) -> PayoutFacts:
        """Send the order and return the gateway's certain outcome, as recorded in our rows."""
        key = self._key
        self._progress.note(Stage.PAYOUT)
        facts = await self._sending.sent(key)
        if facts.outcome is PayoutOutcome.UNKNOWN:
            await self._progress.wait(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown", UNKNOWN)
            await self._sending.reconciled(key)
        elif self._sending.concludes:
            return facts
        return await steps.conclude_payout(key)

    async def pay(self, quote_id: str) -> PayoutFacts:
        """Pays the accepted quote and returns the outcome: how cards were paid before a payee could be corrected."""
        key = self._key
        await steps.prepare_payout(self._progress.card_id, quote_id, key)
        self._progress.note(Stage.PAYOUT)
        facts = await self._sending.sent(key)
        if facts.outcome is PayoutOutcome.UNKNOWN:
            await self._progress.wait(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown", UNKNOWN)
            facts = await self._sending.reconciled(key)
        await steps.settle_payout(key, facts.outcome, facts.code)
        return facts
