"""One goodwill payment that two people agreed to: prepared, sent once, reconciled while unknown, settled."""

from __future__ import annotations

from temporalio import workflow

from workflows import steps
from workflows.sending import Sending

with workflow.unsafe.imports_passed_through():
    from domain import identifiers
    from domain.cards.facts import EDITION
    from domain.finance.payout import PayoutOutcome


@workflow.defn
class GoodwillWorkflow:
    """Its id is `goodwill:<goodwill id>`; it carries nothing but that id, and its payment has one key for life."""

    @workflow.run
    async def run(self, goodwill_id: str) -> str:
        """Returns the outcome that the gateway gave for certain."""
        key, sending = identifiers.goodwill_key(goodwill_id), Sending(EDITION)
        await steps.prepare_goodwill(goodwill_id, key)
        if (await sending.sent(key)).outcome is PayoutOutcome.UNKNOWN:
            await sending.reconciled(key)
        return (await steps.conclude_payout(key)).outcome.value
