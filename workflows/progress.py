"""A card's state as its workflow knows it: the answer of the story query, and the announcement of waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import steps
from workflows.messages import CardEnded
from workflows.search_attributes import Index

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import EndReason, Outcome, Stage, Story, WaitingFor
    from domain.cards.facts import CardToBuy


class JourneyEnded(Exception):
    """Raised by any stage to end the journey before the seller is paid."""

    def __init__(self, outcome: Outcome, reason: EndReason | None = None, detail: str | None = None) -> None:
        super().__init__(outcome)
        self.ended = CardEnded(outcome, reason, detail)


def not_expected(progress: Progress) -> ApplicationError:
    """Return the refusal of an answer that is no longer waited for."""
    details = {"stage": progress.stage, "waiting_for": progress.waiting_for}
    return ApplicationError("not_expected_now", details, type="not_expected_now", non_retryable=True)


def error_class_of(failure: ActivityError) -> str:
    """Return the type of the error that a step failed with for good, e.g. gateway_unavailable; `timeout` where none came."""
    cause = failure.cause
    return cause.type if isinstance(cause, ApplicationError) and cause.type else "timeout"


class Progress:
    """The card's place. `note` remembers what an activity has recorded; `wait` records a wait of its own."""

    def __init__(self, card: CardToBuy) -> None:
        self.card_id, self.edition = card.card_id, card.edition
        self._index = Index(card)
        self.stage = Stage.INTAKE
        self.waiting_for = WaitingFor.MACHINE
        self._since = workflow.now()
        self._until: datetime | None = None
        self._ended: CardEnded | None = None

    def note(
        self,
        stage: Stage,
        waiting_for: WaitingFor = WaitingFor.MACHINE,
        until: datetime | None = None,
        error_class: str = "",
    ) -> None:
        """Note that the card is now at `stage`, waiting for that party, at the longest until then.

        `error_class` says why it waits, where a step failed for good.
        """
        self._index.note(stage, waiting_for, error_class)
        if (stage, waiting_for) != (self.stage, self.waiting_for):
            self._since = workflow.now()
        self.stage, self.waiting_for, self._until = stage, waiting_for, until

    async def wait(
        self, stage: Stage, waiting_for: WaitingFor, at_most: timedelta | None, what: str, error_class: str = ""
    ) -> None:
        """Record that a party has to act, `what` being the key of the story's sentence; `error_class` as for `note`."""
        until = workflow.now() + at_most if at_most else None
        await steps.move(self.card_id, stage, waiting_for, until.isoformat() if until else None, what)
        self.note(stage, waiting_for, until, error_class)

    def end(self, ended: CardEnded) -> None:
        """Note that the journey is over."""
        self._ended = ended
        self.note(Stage.ENDED, WaitingFor.NOBODY)

    def story(self) -> Story:
        """Return the card's own account of itself."""
        return Story(
            card_id=self.card_id,
            stage=self.stage,
            waiting_for=self.waiting_for,
            since=self._since.isoformat(),
            until=self._until.isoformat() if self._until else None,
            outcome=self._ended.outcome if self._ended else None,
            reason=self._ended.reason if self._ended else None,
        )
