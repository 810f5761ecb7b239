"""What operations may ask of a running card: that a person looks at it now, or that it ends before any payment.

Neither adds a command to a card that was never asked, so that older histories replay as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import steps
from workflows.interruption import break_off
from workflows.messages import CancelAsked, CardEnded, PersonWanted
from workflows.offer import Offer
from workflows.progress import JourneyEnded, Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import WITHOUT_PEOPLE, EndReason, Outcome, Stage

Answer = TypeVar("Answer")
ASKING = frozenset({Stage.VERIFICATION, Stage.PRICING})


class PersonInstead:
    """A person decides without the answer that a card waits for."""

    def __init__(self, progress: Progress, wanted: bool) -> None:
        self._progress = progress
        self._heard: set[str] = set()  # Repairs, so that a repeated message is no second wish.
        self._possible = False
        self.wanted = wanted

    def check_expected(self, asked: PersonWanted) -> None:
        """Refuse, before anything enters history, a wish for a card that does not wait for an answer."""
        waits = self._progress.stage in ASKING and self._progress.waiting_for in WITHOUT_PEOPLE
        if asked.repair_id not in self._heard and not (self._possible and waits):
            raise not_expected(self._progress)

    def ask(self, asked: PersonWanted) -> None:
        """Operations wants a person to look; asked for again by the same repair it changes nothing."""
        if asked.repair_id not in self._heard:
            self._heard.add(asked.repair_id)
            self.wanted = True

    @contextmanager
    def possible(self) -> Iterator[None]:
        """While the card is verified and priced, a person may be asked for."""
        self._possible = True
        try:
            yield
        finally:
            self._possible = False

    async def unless_wanted(self, question: Coroutine[Any, Any, Answer]) -> Answer | None:
        """Return the answer to a question; None when a person is wanted first, and the question is broken off."""
        going = asyncio.create_task(question)
        try:
            await workflow.wait_condition(lambda: self.wanted or going.done())
        except asyncio.CancelledError:
            await break_off(going)
            raise
        if going.done():
            return await going
        await break_off(going)
        return None


class Cancellation:
    """Ends the card whatever it waits for, as long as no payment was ordered: our rows say so under their own lock."""

    def __init__(self, progress: Progress, offer: Offer) -> None:
        self._progress = progress
        self._offer = offer
        self._cancelled = False

    async def unless_cancelled(self, journey: Coroutine[Any, Any, CardEnded]) -> CardEnded:
        """How the journey ended. Ends it when operations cancels the card first."""
        going = asyncio.create_task(journey)
        await workflow.wait_condition(lambda: self._cancelled or going.done())
        if not self._cancelled:
            return await going
        await break_off(going)
        raise JourneyEnded(Outcome.CANCELLED, EndReason.CANCELLED)

    def check_expected(self) -> None:
        """Refuse, before anything enters history, the cancelling of a card that has ended otherwise."""
        if self._progress.stage is Stage.ENDED and not self._cancelled:
            raise not_expected(self._progress)

    async def cancel(self, asked: CancelAsked) -> None:
        """End the card; asked for again it changes nothing. Refuses `not_cancellable` with the word of why not."""
        async with self._offer.closing:
            if self._cancelled:
                return
            ended = await steps.cancel_card(self._progress.card_id, asked.repair_id, asked.by)
            if not ended.done:
                details = {"why": ended.why_not}
                raise ApplicationError("not_cancellable", details, type="not_cancellable", non_retryable=True)
            self._cancelled = True
            self._offer.take_back()
