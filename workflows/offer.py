"""The quote before the seller: accepted, declined, or lapsed by its timer; nothing is paid without acceptance."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import steps
from workflows.messages import OfferAnswer
from workflows.progress import JourneyEnded, Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
    from domain.cards.pricing import QuoteState


class Offer:
    """One quote, answered once. The workflow's clock alone says whether an answer came in time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._quote_id: str | None = None
        self._state = QuoteState.OPEN
        # The timer, an answer and a withdrawal may come in the same instant: one of them closes the quote.
        self.closing = asyncio.Lock()

    async def accepted(self, quote_id: str) -> None:
        """Returns when the seller has accepted. Ends the journey when they decline or let it lapse."""
        offered = await steps.offer(self._progress.card_id, quote_id)
        if offered.accepted:
            self._state = QuoteState.ACCEPTED
            return
        patience = timedelta(seconds=offered.expires_in_s)
        self._quote_id = quote_id
        self._progress.note(Stage.OFFER, WaitingFor.SELLER_OFFER, workflow.now() + patience)
        try:
            await workflow.wait_condition(lambda: self._state is not QuoteState.OPEN, timeout=patience)
        except TimeoutError:
            await self._lapse(quote_id)
        self._end_unless_accepted()

    def check_expected(self, answer: OfferAnswer) -> None:
        """Refuses, before anything enters history, an answer to another quote or to one that is answered already."""
        if self._quote_id != answer.quote_id:
            raise not_expected(self._progress)
        if self._state is not QuoteState.OPEN:
            raise _answered(self._state)

    async def answer(self, answer: OfferAnswer) -> QuoteState:
        """Closes the quote as the seller says; the first answer counts."""
        async with self.closing:
            if self._state is not QuoteState.OPEN:
                raise _answered(self._state)
            await self._close(answer.quote_id, QuoteState.ACCEPTED if answer.accept else QuoteState.DECLINED)
            return self._state

    @property
    def is_accepted(self) -> bool:
        """The seller has said yes, and money is owed to them."""
        return self._state is QuoteState.ACCEPTED

    def take_back(self) -> None:
        """Stop accepting answers to the quote: the seller has withdrawn the card. The caller holds `closing`."""
        if self._state is QuoteState.OPEN:
            self._state = QuoteState.DECLINED

    async def _lapse(self, quote_id: str) -> None:
        async with self.closing:
            if self._state is QuoteState.OPEN:
                await self._close(quote_id, QuoteState.LAPSED)

    async def _close(self, quote_id: str, state: QuoteState) -> None:
        await steps.close_offer(self._progress.card_id, quote_id, state)
        self._state = state

    def _end_unless_accepted(self) -> None:
        if self._state is QuoteState.DECLINED:
            raise JourneyEnded(Outcome.DECLINED, EndReason.DECLINED)
        if self._state is QuoteState.LAPSED:
            raise JourneyEnded(Outcome.LAPSED, EndReason.QUOTE_EXPIRED)


def _answered(state: QuoteState) -> ApplicationError:
    code = "quote_expired" if state is QuoteState.LAPSED else "quote_already_answered"
    return ApplicationError(code, {"answer": state}, type=code, non_retryable=True)
