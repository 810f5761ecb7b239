"""The front desk: how web pages and callbacks speak with running cards, and hear refusals instead of Temporal's errors."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain import identifiers
from domain.cards.card import EndReason, Outcome, Stage, Story, WaitingFor
from domain.cards.facts import AT_ITS_BEGINNING, CardToBuy, CodeChecked, CodeSent, ReviewFacts
from domain.cards.verification import DynamicCodeResult
from domain.errors.base import Refusal
from domain.errors.cards import (
    DynamicCodeExpired,
    DynamicCodeWrong,
    NotExpectedNow,
    QuoteAnswered,
    QuoteExpired,
    TooLateToWithdraw,
)
from domain.errors.general import TemporarilyUnavailable
from workflows.card import CardWorkflow
from workflows.hearing import heard
from workflows.messages import (
    CancelAsked,
    ClockChanged,
    CodeEntered,
    CodeWanted,
    Decision,
    FieldsConfirmed,
    OfferAnswer,
    OutletReport,
    PayeeCorrected,
    PaymentReleased,
    PaymentReported,
    PersonWanted,
    WaitSkipped,
    WithdrawalAsked,
)
from workflows.policies import CARDS_QUEUE
from workflows.search_attributes import ALL, at_start

Answer = TypeVar("Answer")
_log = structlog.get_logger("cards")

# How long a person waits at a screen; what was asked may still happen after that, and asking again does no harm.
ANSWER_WITHIN_S = 15.0
CODE_ANSWER_WITHIN_S = 50.0  # The issuer is asked for up to 45 seconds meanwhile.


class CardClient:
    """Every question and answer a person or provider has for a card. Raises Refusal, never an error of Temporal.

    `answer_within_s` is how long to wait for an answer, in seconds, where the issuer is not asked meanwhile.
    """

    def __init__(self, client: Client, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._client = client
        self._answer_within_s = answer_within_s
        self._attributes_kept: bool | None = None

    async def start(self, card: CardToBuy) -> None:
        """Starts the card's journey, after its end only where it was opened again; a card that runs is left as it is."""
        first = card.resume == AT_ITS_BEGINNING
        reuse = WorkflowIDReusePolicy.REJECT_DUPLICATE if first else WorkflowIDReusePolicy.ALLOW_DUPLICATE
        try:
            await self._started(card, id_reuse_policy=reuse)
        except WorkflowAlreadyStartedError:
            return  # Started by an earlier try whose answer was lost.

    async def restart(self, card: CardToBuy) -> None:
        """Starts the card's journey from its rows, in place of a workflow that runs, has ended, or is not there."""
        await self._started(
            card,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )

    async def _started(self, card: CardToBuy, **policies: Any) -> None:
        """Start with search attributes; without them where the namespace does not know them."""
        if not await self._are_attributes_kept():
            await self._heard(self._starting(replace(card, indexed=False), None, policies))
            return
        try:
            await self._heard(self._starting(replace(card, indexed=True), at_start(card), policies))
        except TemporarilyUnavailable as failed:
            if not _attribute_unknown(failed):
                raise
            _log.warning("search_attributes_unknown", namespace=self._client.namespace)
            await self._heard(self._starting(replace(card, indexed=False), None, policies))

    async def _are_attributes_kept(self) -> bool:
        """Whether the server keeps search attributes of a namespace at all; asked once."""
        if self._attributes_kept is None:
            request = ListSearchAttributesRequest(namespace=self._client.namespace)
            asked = self._client.operator_service.list_search_attributes(request)
            try:
                await self._heard(asked)
            except TemporarilyUnavailable as failed:
                cause = failed.__cause__
                if not isinstance(cause, RPCError) or cause.status is not RPCStatusCode.UNIMPLEMENTED:
                    return True  # The start itself says what is wrong.
                self._attributes_kept = False
                return False
            self._attributes_kept = True
        return self._attributes_kept

    async def _starting(
        self, card: CardToBuy, attributes: TypedSearchAttributes | None, policies: dict[str, Any]
    ) -> None:
        await self._client.start_workflow(
            CardWorkflow.run,
            card,
            id=identifiers.card_workflow(card.card_id),
            task_queue=CARDS_QUEUE,
            search_attributes=attributes,
            **policies,
        )

    async def confirm_fields(self, card_id: str, revision: int) -> None:
        """Report that the seller confirmed or corrected what was read."""
        await self._heard(self._card(card_id).execute_update(CardWorkflow.send_fields, FieldsConfirmed(revision)))

    async def supply_item(self, card_id: str, revision: int) -> None:
        """Report that the seller sent again what a reviewer had asked for."""
        await self.confirm_fields(card_id, revision)

    async def enter_code(self, card_id: str, code: str) -> CodeChecked:
        """Checks the issuer's one-time code. Refuses DynamicCodeWrong (with `tries_left`) and DynamicCodeExpired."""
        checked = await self._heard(
            self._card(card_id).execute_update(CardWorkflow.enter_code, CodeEntered(code)), CODE_ANSWER_WITHIN_S
        )
        if checked.result is DynamicCodeResult.WRONG:
            raise DynamicCodeWrong(tries_left=checked.tries_left)
        if checked.result is DynamicCodeResult.EXPIRED:
            raise DynamicCodeExpired()
        return checked

    async def resend_code(self, card_id: str) -> CodeSent:
        """Has the issuer send another code. Refuses CodesUsedUp after the third."""
        return await self._heard(
            self._card(card_id).execute_update(CardWorkflow.resend_code, CodeWanted()), CODE_ANSWER_WITHIN_S
        )

    async def correct_payee(self, card_id: str, correction_id: str) -> None:
        """Report that another payee is in the database: the card is paid again, under a key of its own."""
        await self._heard(self._card(card_id).execute_update(CardWorkflow.correct_payee, PayeeCorrected(correction_id)))

    async def answer_offer(self, card_id: str, quote_id: str, accept: bool) -> None:
        """Send the seller's answer. Refuses QuoteExpired and QuoteAnswered (with the `answer` that counts)."""
        try:
            await self._heard(
                self._card(card_id).execute_update(CardWorkflow.answer_offer, OfferAnswer(quote_id, accept))
            )
        except NotExpectedNow:
            raise _answered_by(await self.story(card_id)) from None
        except TemporarilyUnavailable as unheard:
            if not _given_up(unheard) or (story := await self.story(card_id)).waiting_for is WaitingFor.SELLER_OFFER:
                raise
            raise _answered_by(story) from None

    async def withdraw(self, card_id: str, owner: str) -> None:
        """Withdraw the card for the seller; one that is withdrawn already stays so. Refuses TooLateToWithdraw."""
        asked = WithdrawalAsked(owner)
        try:
            await self._heard(self._card(card_id).execute_update(CardWorkflow.withdraw, asked))
        except NotExpectedNow:
            _withdrawn(await self.story(card_id))
        except TemporarilyUnavailable as unheard:
            if not _given_up(unheard):
                raise
            _withdrawn(await self.story(card_id))

    async def ask_person(self, card_id: str, repair_id: str) -> None:
        """Operations wants a person to decide now. Refuses NotExpectedNow for a card that waits for no answer."""
        await self._heard(self._card(card_id).execute_update(CardWorkflow.ask_person, PersonWanted(repair_id)))

    async def cancel(self, card_id: str, repair_id: str, by: str) -> None:
        """Operations (`by`, person:<id>) ends the card; one that is cancelled stays so.

        Refuses NotCancellable (`why`) once a payment was ordered, and NotExpectedNow for a card that has ended otherwise.
        """
        try:
            await self._heard(self._card(card_id).execute_update(CardWorkflow.cancel, CancelAsked(repair_id, by)))
        except NotExpectedNow:
            _cancelled(await self.story(card_id))
        except TemporarilyUnavailable as unheard:
            if not _given_up(unheard):
                raise
            _cancelled(await self.story(card_id))

    async def terminate(self, card_id: str, why: str) -> None:
        """Ends the card's run in Temporal at once, without its code; a run that is over or not there is left as it is."""
        with suppress(NotExpectedNow):
            await self._heard(self._card(card_id).terminate(why))

    async def decide(self, card_id: str, task_id: str, decision_id: str) -> ReviewFacts:
        """Send a reviewer's decision, already written to the database."""
        return await self._heard(
            self._card(card_id).execute_update(CardWorkflow.decide, Decision(task_id, decision_id))
        )

    async def outlet_reported(self, card_id: str, request_id: str, confirmed: bool) -> None:
        """Send a partner outlet's report; one that comes after the end changes nothing."""
        await self._signal(card_id, CardWorkflow.outlet_reported, OutletReport(request_id, confirmed))

    async def payment_reported(self, card_id: str, key: str) -> None:
        """Send the gateway's report; the card asks the gateway itself before it believes anything."""
        await self._signal(card_id, CardWorkflow.payment_reported, PaymentReported(key))

    async def payment_released(self, card_id: str, key: str) -> None:
        """Report that what held the payment of this key is over; a card that is further by now is not affected."""
        await self._signal(card_id, CardWorkflow.payment_released, PaymentReleased(key))

    async def replan(self, card_id: str, task_id: str) -> None:
        """Report that the clock of a review task has changed; a report about a closed task changes nothing."""
        await self._signal(card_id, CardWorkflow.replan, ClockChanged(task_id))

    async def skip_wait(self, card_id: str, waiting_for: WaitingFor) -> None:
        """Stop waiting for the party's answer; a card that waits for another party by now keeps waiting."""
        await self._signal(card_id, CardWorkflow.skip_wait, WaitSkipped(waiting_for))

    async def story(self, card_id: str) -> Story:
        """Stage, waiting for whom, since when, until when; of ended cards too."""
        return await self._heard(self._card(card_id).query(CardWorkflow.story))

    async def _heard(self, call: Awaitable[Answer], within_s: float | None = None) -> Answer:
        return await heard(call, self._answer_within_s if within_s is None else within_s)

    def _card(self, card_id: str) -> WorkflowHandle[CardWorkflow, Any]:
        return self._client.get_workflow_handle_for(CardWorkflow.run, identifiers.card_workflow(card_id))

    async def _signal(
        self,
        card_id: str,
        signal: Any,
        message: OutletReport | PaymentReported | PaymentReleased | ClockChanged | WaitSkipped,
    ) -> None:
        try:
            await self._heard(self._card(card_id).signal(signal, message))
        except NotExpectedNow:
            return  # The card has ended: a late report is no news.


def _attribute_unknown(failed: TemporarilyUnavailable) -> bool:
    """The namespace does not know a search attribute of ours; nothing was started."""
    cause = failed.__cause__
    if not isinstance(cause, RPCError) or cause.status is not RPCStatusCode.INVALID_ARGUMENT:
        return False
    return any(one.name in cause.message for one in ALL)


def _given_up(unheard: TemporarilyUnavailable) -> bool:
    """Temporal gives up an Update that comes while the workflow is completing; the story then tells what became of it."""
    cause = unheard.__cause__
    return isinstance(cause, RPCError) and cause.status is RPCStatusCode.FAILED_PRECONDITION


def _withdrawn(story: Story) -> None:
    """Why a card takes no withdrawal; nothing when it is withdrawn. Refuses TooLateToWithdraw and NotExpectedNow."""
    if story.reason == EndReason.WITHDRAWN:
        return
    if story.stage is Stage.PAYOUT or story.outcome in (Outcome.PAID, Outcome.PAYMENT_REFUSED):
        raise TooLateToWithdraw()
    raise NotExpectedNow(stage=story.stage, waiting_for=story.waiting_for)


def _cancelled(story: Story) -> None:
    """Why an ended card takes no cancelling; nothing when it is cancelled. Refuses NotExpectedNow."""
    if story.outcome is not Outcome.CANCELLED:
        raise NotExpectedNow(stage=story.stage, waiting_for=story.waiting_for)


def _answered_by(story: Story) -> Refusal:
    """Why an ended card takes no answer to its quote."""
    if story.outcome is Outcome.LAPSED:
        return QuoteExpired()
    if story.outcome is Outcome.DECLINED:
        return QuoteAnswered(answer="declined")
    if story.stage is Stage.PAYOUT or story.outcome in (Outcome.PAID, Outcome.PAYMENT_REFUSED):
        return QuoteAnswered(answer="accepted")
    return NotExpectedNow(stage=story.stage, waiting_for=story.waiting_for)
