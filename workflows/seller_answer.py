"""Waiting for the seller: fields to confirm or one item to send again, each at most for a named time."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.messages import FieldsConfirmed
from workflows.progress import JourneyEnded, Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import EndReason, Outcome, Stage, WaitingFor


class SellerAnswer:
    """One wait at a time. The fields themselves are in the database; only their revision comes here."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._revision: int | None = None

    def check_expected(self) -> None:
        """Refuses before anything enters history when the card waits for no fields."""
        if self._progress.waiting_for not in (WaitingFor.SELLER_FIELDS, WaitingFor.SELLER_ITEM):
            raise not_expected(self._progress)

    def receive(self, confirmed: FieldsConfirmed) -> None:
        """Note that the seller answered."""
        self._revision = confirmed.revision
        self._progress.note(self._progress.stage)

    async def wait(self, stage: Stage, waiting_for: WaitingFor, at_most: timedelta, what: str) -> None:
        """Returns when the seller has answered. Ends the journey when they do not in time."""
        self._revision = None
        await self._progress.wait(stage, waiting_for, at_most, what)
        try:
            await workflow.wait_condition(lambda: self._revision is not None, timeout=at_most)
        except TimeoutError:
            raise JourneyEnded(Outcome.LAPSED, EndReason.NO_ANSWER) from None
        # Recorded at once: the seller must not be shown the form again while the issuer is being asked.
        await self._progress.wait(Stage.VERIFICATION, WaitingFor.MACHINE, None, "verification.started")
