"""One goodwill payment that two people agreed to: prepared, sent once, reconciled while unknown, settled."""

from __future__ import annotations

from temporalio import workflow

from workflows import steps
from workflows.messages import PaymentReleased, PaymentReported
from workflows.sending import Sending

with workflow.unsafe.imports_passed_through():
    from domain import identifiers
    from domain.cards.facts import EDITION
    from domain.finance.payout import PayoutOutcome


@workflow.defn
class GoodwillWorkflow:
    """Its id is `goodwill:<goodwill id>`; it carries nothing but that id, and its payment has one key for life."""

    def __init__(self) -> None:
        self._sending = Sending(EDITION)
        self._released = False  # What held the payment is over.

    @workflow.run
    async def run(self, goodwill_id: str) -> str:
        """Returns the outcome that the gateway gave for certain."""
        key, sending = identifiers.goodwill_key(goodwill_id), self._sending
        while await steps.prepare_goodwill(goodwill_id, key) is not None:
            await workflow.wait_condition(lambda: self._released)
            self._released = False
        if (await sending.sent(key)).outcome is PayoutOutcome.UNKNOWN:
            await sending.reconciled(key)
        return (await steps.conclude_payout(key)).outcome.value

    @workflow.signal
    def payment_released(self, released: PaymentReleased) -> None:  # noqa: ARG002  # It has one payment.
        """Note that what held the payment is over."""
        self._released = True

    @workflow.signal
    def payment_reported(self, reported: PaymentReported) -> None:  # noqa: ARG002  # As above.
        """Receive a report on the payment: it is asked about at once."""
        self._sending.report()
