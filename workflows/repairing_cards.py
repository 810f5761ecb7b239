"""What the kinds of repair that touch people and money do to single cards. Each may be repeated after a crash without harm."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from domain.errors.cards import NotExpectedNow
from domain.ops.repairs import RepairKind
from services.cards.terminating import Terminations
from services.finance.payees import Payees
from services.ops.repairs.acts import Act, AlreadyCured, ItemAct, RunEnded
from workflows.client import CardClient


class CardActs:
    """The acts of these kinds; who submitted a repair and who agreed to it act in them under their own names."""

    def __init__(self, desk: CardClient, payees: Payees, terminations: Terminations) -> None:
        self._desk = desk
        self._payees = payees
        self._terminations = terminations

    def by_kind(self) -> Mapping[RepairKind, Act]:
        """Return the act of each kind."""
        return {
            RepairKind.SEND_TO_REVIEW: self.send_to_review,
            RepairKind.SECOND_PAYOUT: self.second_payout,
            RepairKind.CANCEL: self.cancel,
            RepairKind.TERMINATE: self.terminate,
        }

    async def send_to_review(self, item: ItemAct) -> Mapping[str, str]:
        """Have a person decide now. A card that has a task by now was asked by the interrupted attempt."""
        if item.tried and item.candidate.task is not None:
            raise AlreadyCured
        await self._desk.ask_person(item.subject, item.repair_id)
        return {}

    async def second_payout(self, item: ItemAct) -> Mapping[str, str]:
        """Agree to the proposed payee as the second person, and inform the card.

        Cards of one submission share the payee: the first agrees for all. Refuses like `Payees.agree`.
        """
        candidate = item.candidate
        if not candidate.payee_id:
            raise AlreadyCured  # The card has heard of it and is being paid.
        if candidate.payee_by:
            await self._payees.agree(item.agreed_by, item.subject, candidate.payee_id)
        with suppress(NotExpectedNow):  # It has heard already, from the loop that sends payees to their cards.
            await self._desk.correct_payee(item.subject, candidate.payee_id)
        return {"payee": candidate.payee}

    async def cancel(self, item: ItemAct) -> Mapping[str, str]:
        """End the card with everything taken back."""
        try:
            await self._desk.cancel(item.subject, item.repair_id, f"person:{item.by}")
        except NotExpectedNow:
            raise RunEnded from None
        return {}

    async def terminate(self, item: ItemAct) -> Mapping[str, str]:
        """Close the card's rows, then end its run: code that begins to work in between finds the card ended."""
        await self._terminations.close(item.subject, item.repair_id, f"person:{item.by}")
        await self._desk.terminate(item.subject, f"repair {item.repair_id}")
        return {}
