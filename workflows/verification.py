"""Asking the outside what the card is worth: one route per card type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import steps
from workflows.dynamic_code import DynamicCode
from workflows.maintenance import held_since, unless_held
from workflows.messages import OutletReport
from workflows.operations import PersonInstead
from workflows.policies import ASK, ASK_PATIENTLY, RECHECK, RemotePolicy
from workflows.progress import JourneyEnded, Progress, error_class_of

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import CardType, EndReason, Outcome, Stage, WaitingFor
    from domain.cards.facts import CardToBuy, VerifiedFacts
    from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT, Consequence, Party
    from domain.ops.providers import OUTLETS, issuer, store

Ask = Callable[[CardToBuy, RemotePolicy], Awaitable[VerifiedFacts]]


class Verification:
    """Verify the card with its current fields; called again after they have changed."""

    def __init__(self, card: CardToBuy, progress: Progress, code: DynamicCode, person: PersonInstead) -> None:
        self._card = card
        self._person = person  # Where one is wanted, a question is broken off and counts as unanswered.
        self._progress = progress
        self._code = code
        self._reports: dict[str, OutletReport] = {}  # By request: the first report of each counts.
        self._skipped = False  # Operations no longer wait for the outlet that is asked now.
        self._handed_over = 0  # How often a reviewer had a store or outlet look again.

    def report(self, report: OutletReport) -> None:
        """Receive a partner outlet's report; late and repeated reports change nothing."""
        self._reports.setdefault(report.request_id, report)

    def skip(self, waiting_for: WaitingFor) -> None:
        """Operations end the wait for the outlet: its silence counts as it would at the deadline."""
        waits = self._progress.waiting_for is WaitingFor.OUTLET
        self._skipped = self._skipped or (waits and waiting_for is WaitingFor.OUTLET)

    async def verify(self) -> VerifiedFacts:
        """Return what is known of the card. Ends the journey when it cannot be bought."""
        self._progress.note(Stage.VERIFICATION)
        routes = {
            CardType.SUPERMARKET: self._supermarket,
            CardType.ECOMMERCE: self._ask_issuer,
            CardType.DINING: self._ask_store,
            CardType.REGIONAL: self._outlet,
            CardType.CROSSBORDER: self._crossborder,
        }
        return await routes[self._card.card_type]()

    async def recheck(self, quote_id: str, attempt: int = 1) -> None:
        """Has the issuer confirm the accepted card right before each payment. Ends the journey when it no longer does."""
        if self._card.card_type not in CONFIRMED_BEFORE_PAYMENT:
            return
        self._progress.note(Stage.PAYOUT)
        since = workflow.now()
        try:
            facts = await steps.recheck(self._card, quote_id, attempt)
        except ActivityError as failure:
            _raise_cancellation(failure)
            why = error_class_of(failure)
            held = await held_since(self._card, issuer(self._card.issuer), since)
            what = "payout.issuer_in_maintenance" if held.held else "payout.issuer_silent"
            await self._progress.wait(Stage.PAYOUT, WaitingFor.ISSUER, None, what, why)
            facts = await steps.recheck(self._card, quote_id, attempt, RECHECK)
        if facts.end_reason is not None:
            raise JourneyEnded(Outcome.REJECTED, facts.end_reason)

    async def hand_over(self) -> None:
        """Request a check of the card for a reviewer: by an outlet of its brand, or the store's till where none answers.

        Whatever is said goes beside the fields and ends nothing: the reviewer decides with it.
        """
        self._handed_over += 1
        self._progress.note(Stage.VERIFICATION)
        report = await self._outlet_report(self._handed_over)
        if report is not None:
            await steps.record_outlet_report(self._card.card_id, report.request_id, report.confirmed)
        else:
            await self._heard(self._check_at_till, Party.POS)

    async def _check_at_till(self, card: CardToBuy, policy: RemotePolicy) -> VerifiedFacts:
        return await steps.ask_store(card, policy, self._handed_over)

    async def _supermarket(self) -> VerifiedFacts:
        verified = await self._ask_issuer()
        if verified.consequence is not Consequence.PROCEED:
            return verified
        try:
            if await self._person.unless_wanted(self._code.prove(verified.revision)) is None:
                return await steps.record_silence(self._card.card_id, Party.ISSUER)
        except ActivityError as failure:  # The issuer could send no code all the while: a person decides without it.
            _raise_cancellation(failure)
            return await steps.record_silence(self._card.card_id, Party.ISSUER)
        return verified

    async def _crossborder(self) -> VerifiedFacts:
        verified = await self._ask_issuer()
        try:
            licensed = (await steps.open_channel(self._card)).licensed
        except ActivityError as failure:  # The desk was reached and refused: it deals in no such currency.
            _raise_cancellation(failure)
            licensed = False
        if not licensed:
            raise JourneyEnded(Outcome.REJECTED, EndReason.NO_LICENCE)
        return verified

    async def _outlet(self) -> VerifiedFacts:
        report = await self._outlet_report()
        if report is None:
            return await steps.record_silence(self._card.card_id, Party.OUTLET)
        return _buyable(await steps.record_outlet_report(self._card.card_id, report.request_id, report.confirmed))

    async def _outlet_report(self, again: int = 0) -> OutletReport | None:
        """What the outlet said, or None when none took the request or none answered in time."""
        try:
            asked = await unless_held(
                self._card, self._progress, OUTLETS, ASK_PATIENTLY,
                lambda policy: steps.ask_outlet(self._card, again, policy),
            )  # fmt: skip
        except ActivityError as failure:
            _raise_cancellation(failure)
            return None
        self._skipped = False
        deadline = datetime.fromisoformat(asked.deadline)
        self._progress.note(Stage.VERIFICATION, WaitingFor.OUTLET, deadline)
        patience = max(deadline - workflow.now(), timedelta())
        try:
            await workflow.wait_condition(
                lambda: asked.request_id in self._reports or self._skipped or self._person.wanted, timeout=patience
            )
        except TimeoutError:
            return None
        return self._reports.get(asked.request_id)

    async def _ask_issuer(self) -> VerifiedFacts:
        return await self._ask(steps.ask_issuer, Party.ISSUER)

    async def _ask_store(self) -> VerifiedFacts:
        return await self._ask(steps.ask_store, Party.POS)

    async def _ask(self, ask: Ask, party: Party) -> VerifiedFacts:
        return _buyable(await self._heard(ask, party))

    async def _heard(self, ask: Ask, party: Party) -> VerifiedFacts:
        """What the party says; where it says nothing, the silence itself is recorded, and a person decides."""
        said = await self._person.unless_wanted(self._answered(ask, party))
        return said if said is not None else await steps.record_silence(self._card.card_id, party)

    async def _answered(self, ask: Ask, party: Party) -> VerifiedFacts | None:
        """Briskly, then patiently; None for silence. A party in maintenance is waited for."""
        provider = store(self._card.issuer) if party is Party.POS else issuer(self._card.issuer)

        async def asked(policy: RemotePolicy) -> VerifiedFacts:
            return await unless_held(self._card, self._progress, provider, policy, lambda given: ask(self._card, given))

        try:
            return await asked(ASK)
        except ActivityError as failure:
            _raise_cancellation(failure)
            why = error_class_of(failure)
        await self._progress.wait(
            Stage.VERIFICATION,
            WaitingFor.ISSUER,
            ASK_PATIENTLY["schedule_to_close_timeout"],
            "verification.party_silent",
            why,
        )
        try:
            return await asked(ASK_PATIENTLY)
        except ActivityError as failure:
            _raise_cancellation(failure)
        return None


def _buyable(verified: VerifiedFacts) -> VerifiedFacts:
    if verified.consequence is Consequence.REJECT:
        raise JourneyEnded(Outcome.REJECTED, verified.end_reason)
    return verified


def _raise_cancellation(failure: ActivityError) -> None:
    """A cancelled card must not be taken for a silent issuer."""
    if is_cancelled_exception(failure):
        raise failure
