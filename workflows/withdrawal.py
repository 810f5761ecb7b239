"""Let the seller withdraw the card: possible at any time until a quote is accepted, whatever the card waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import steps
from workflows.interruption import break_off
from workflows.messages import WithdrawalAsked
from workflows.offer import Offer
from workflows.progress import JourneyEnded, Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import EndReason, Outcome, Stage
    from domain.cards.facts import CardToBuy


class Withdrawal:
    """Runs the journey up to the acceptance beside the seller's wish to end it.

    The database says under its own lock whether the card was sold first; only then is what runs here broken off.
    """

    def __init__(self, card: CardToBuy, progress: Progress, offer: Offer) -> None:
        self._card = card
        self._progress = progress
        self._offer = offer
        self._possible = card.may_withdraw and not card.resume.accepted
        self._withdrawn = False

    async def unless_withdrawn(self, journey: Coroutine[Any, Any, str]) -> str:
        """Return what the journey returns. Ends it when the seller withdraws the card first."""
        going = asyncio.create_task(journey)
        try:
            await workflow.wait_condition(lambda: self._withdrawn or going.done())
        except asyncio.CancelledError:  # Operations cancelled the card.
            await break_off(going)
            raise
        async with self._offer.closing:  # A withdrawal that is just being written down is heard to its end.
            self._possible = False
        if not self._withdrawn:
            return await going
        await break_off(going)
        raise JourneyEnded(Outcome.DECLINED, EndReason.WITHDRAWN)

    def check_expected(self, asked: WithdrawalAsked) -> None:
        """Refuses, before anything enters history, another's wish and one that comes too late."""
        if asked.owner != self._card.owner:
            raise not_expected(self._progress)
        if not self._card.may_withdraw:
            raise not_expected(self._progress)
        if not self._possible and not self._withdrawn:
            raise self._too_late()

    async def withdraw(self) -> None:
        """Ends the card; asked for again it changes nothing."""
        async with self._offer.closing:
            if self._withdrawn:
                return
            sold = not self._possible or self._offer.is_accepted
            self._withdrawn = not sold and await steps.withdraw(self._progress.card_id)
            if not self._withdrawn:
                raise self._too_late()
            self._offer.take_back()

    def _too_late(self) -> ApplicationError:
        if self._progress.stage not in (Stage.OFFER, Stage.PAYOUT):
            return not_expected(self._progress)
        return ApplicationError("too_late_to_withdraw", type="too_late_to_withdraw", non_retryable=True)
