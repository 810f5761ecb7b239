"""Record a card's stage, waits and end as the workflow announces them, with their evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import translated
from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.facts import Cancelled
from services.cards.cancelling import Ending, end_card
from services.cards.withdrawing import withdraw_card
from services.finance.confirmations import Wait, wait_of
from services.work import sla


class Journey:
    """Records waits and ends, the seller's own among them; all may be repeated without harm beyond a second line in the story."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    @activity.defn(name="journey.move")
    @translated
    async def move(self, card_id: str, stage: Stage, waiting_for: WaitingFor, until: str | None, what: str) -> None:
        """Record that the card is at `stage` and waits, at most until `until` (ISO 8601); `what` is the story's key.

        While a payment is under way its rail says for whom: its receiver, or the bank with its files.
        """
        wait = Wait(waiting_for, None if until is None else datetime.fromisoformat(until), what)
        async with self._database.transaction() as session:
            if (stage, waiting_for) == (Stage.PAYOUT, WaitingFor.GATEWAY):
                wait = await wait_of(session, card_id) or wait
            await cards.note(session, card_id, Change(stage, wait.waiting_for, wait.until, wait.what, {}))
            await sla.follow(session, card_id, wait.waiting_for, self._now())

    @activity.defn(name="journey.end")
    @translated
    async def end(self, card_id: str, outcome: Outcome, reason: EndReason | None, detail: str | None) -> None:
        """End the card; an end that is recorded already stays as it is."""
        facts = {"outcome": outcome.value} | ({"reason": reason.value} if reason else {})
        change = Change(
            Stage.ENDED, WaitingFor.NOBODY, None, f"journey.{outcome.value}", facts,
            outcome=outcome, reason=reason, reason_detail=detail,
        )  # fmt: skip
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            if card.outcome is None:
                await cards.record(session, card_id, change)
            await sla.follow(session, card_id, WaitingFor.NOBODY, self._now())

    @activity.defn(name="journey.withdraw")
    @translated
    async def withdraw(self, card_id: str) -> bool:
        """Withdraw the card for the seller; return False when its quote is accepted or it has ended otherwise."""
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            return await withdraw_card(session, card, self._now())

    @activity.defn(name="journey.cancel")
    @translated
    async def cancel(self, card_id: str, repair_id: str, by: str) -> Cancelled:
        """Operations end the card; an acceptance is reversed. Says why not where a payment was ordered or it has ended otherwise."""
        async with self._database.transaction() as session:
            ending = Ending(EndReason.CANCELLED, by, repair_id)
            why_not = await end_card(session, card_id, ending, self._now())
        return Cancelled(why_not is None, why_not.value if why_not else "")
