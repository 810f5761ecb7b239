"""The whole journey of one card. Read `run` for the stages in business order; each is a method or a file beside this one."""

from __future__ import annotations

import itertools

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import steps
from workflows.dynamic_code import DynamicCode
from workflows.human_review import HumanReview
from workflows.messages import (
    CancelAsked,
    CardEnded,
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
from workflows.offer import Offer
from workflows.operations import Cancellation, PersonInstead
from workflows.payout import Payout
from workflows.policies import SELLER_FIELDS_WAIT, SELLER_ITEM_WAIT
from workflows.progress import JourneyEnded, Progress
from workflows.seller_answer import SellerAnswer
from workflows.verification import Verification
from workflows.withdrawal import Withdrawal

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import CardType, EndReason, Outcome, Stage, Story, WaitingFor
    from domain.cards.facts import CardToBuy, CodeChecked, CodeSent, ReadFacts, ReviewFacts
    from domain.cards.review import SETTLED_BY_CORRECTION, AskedItem, ReviewOutcome, ReviewReason
    from domain.finance.payout import PayoutOutcome


@workflow.defn
class CardWorkflow:
    """One card from submission to its end. Its id is `card:<card id>`."""

    @workflow.init
    def __init__(self, card: CardToBuy) -> None:
        self._card = card
        self._progress = Progress(card)
        self._seller = SellerAnswer(self._progress)
        self._code = DynamicCode(card, self._progress)
        self._person = PersonInstead(self._progress, card.resume.person_wanted)
        self._verification = Verification(card, self._progress, self._code, self._person)
        self._human_review = HumanReview(self._progress, card.resume.tasks)
        self._offer = Offer(self._progress)
        self._withdrawal = Withdrawal(card, self._progress, self._offer)
        self._cancellation = Cancellation(self._progress, self._offer)
        self._payout = Payout(self._progress, card.resume.attempt)
        self._settled = set(card.resume.settled)  # Review reasons that a person has approved.

    @workflow.run
    async def run(self, card: CardToBuy) -> CardEnded:
        """Returns how the card ended."""
        try:
            ended = await self._cancellation.unless_cancelled(self._until_paid())
        except JourneyEnded as journey:
            ended = journey.ended
            await steps.end(card.card_id, ended.outcome, ended.reason, ended.detail)
        self._progress.end(ended)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ended

    async def _until_paid(self) -> CardEnded:
        """The whole journey of a card that is bought."""
        if self._card.may_withdraw and not self._card.resume.accepted:
            return await self._pay(await self._withdrawal.unless_withdrawn(self._until_accepted()))
        return await self._pay(await self._until_accepted())

    async def _until_accepted(self) -> str:
        """Everything before money is owed. Returns the accepted quote's id."""
        quote_id = self._card.resume.quote_id or await self._quoted()
        if not self._card.resume.accepted:
            await self._offer.accepted(quote_id)
        return quote_id

    async def _quoted(self) -> str:
        """Read, verify and price the card until the quote needs no review; return the quote id."""
        resume = self._card.resume
        if resume.outcome is not None:
            raise JourneyEnded(resume.outcome, resume.reason, resume.detail)
        await self._read()
        if resume.asked_item is not None:
            await self._ask_seller_again(resume.asked_item)
        await self._enter_by_hand()
        return await self._verify_and_price()

    async def _read(self) -> None:
        """The machine reads, then the seller checks it where they asked to or where something is missing."""
        if not self._card.has_photos or self._card.resume.read:
            return
        facts = await self._read_photos()
        regional = self._card.card_type is CardType.REGIONAL
        if self._card.confirm_fields or not (facts.complete or regional):
            what = "reading.done" if facts.found else "reading.nothing_found"
            await self._seller.wait(Stage.READING, WaitingFor.SELLER_FIELDS, SELLER_FIELDS_WAIT, what)

    async def _enter_by_hand(self) -> None:
        """Regional cards are entered by a reviewer before the outlet is asked."""
        if self._card.card_type is CardType.REGIONAL and ReviewReason.CARD_TYPE not in self._settled:
            while await self._review((ReviewReason.CARD_TYPE,)) is ReviewOutcome.ASK_AGAIN:
                pass

    async def _verify_and_price(self) -> str:
        """Repeat verification and pricing until neither requires review; return the quote id."""
        with self._person.possible():
            for number in itertools.count(self._card.resume.quotes + 1):
                verified = await self._verification.verify()
                self._progress.note(Stage.PRICING)
                valued = await steps.value(self._card.card_id, number)
                wanted = {*verified.review_reasons, *valued.review_reasons} - self._settled
                if self._person.wanted:
                    wanted.add(ReviewReason.OPERATIONS)
                if not wanted or await self._review(tuple(sorted(wanted))) is ReviewOutcome.APPROVE:
                    return valued.quote_id
        raise AssertionError("counting does not end")

    async def _review(self, reasons: tuple[str, ...]) -> ReviewOutcome:
        """Wait for a person's decision. After a correction or a re-sent item, the card is verified and priced again."""
        decided = await self._decided(reasons)
        while decided.outcome is ReviewOutcome.HAND_TO_STORE:
            await self._verification.hand_over()
            decided = await self._decided(reasons)
        if decided.outcome is ReviewOutcome.REJECT:
            raise JourneyEnded(Outcome.REJECTED, EndReason.REVIEWER, decided.reject_reason)
        if decided.outcome is ReviewOutcome.ASK_AGAIN:
            await self._ask_seller_again(decided.asked_item or AskedItem.PHOTO)
            if workflow.patched("an item sent again settles nothing"):
                self._settled.clear()  # What was approved before was another photo, number, PIN or date.
        corrected = decided.outcome is ReviewOutcome.APPROVE_CORRECTED
        if decided.outcome is ReviewOutcome.APPROVE or corrected:
            self._settled.update(reason for reason in reasons if not corrected or reason in SETTLED_BY_CORRECTION)
        return decided.outcome

    async def _decided(self, reasons: tuple[str, ...]) -> ReviewFacts:
        """A person's decision. It settles what operations asked for, too."""
        if self._person.wanted:
            reasons = tuple(sorted({*reasons, ReviewReason.OPERATIONS}))
        self._person.wanted = False
        return await self._human_review.decide_by_person(reasons)

    async def _ask_seller_again(self, item: AskedItem) -> None:
        await self._seller.wait(Stage.REVIEW, WaitingFor.SELLER_ITEM, SELLER_ITEM_WAIT, f"review.asked_{item}")
        if item is AskedItem.PHOTO:
            await self._read_photos()

    async def _read_photos(self) -> ReadFacts:
        self._progress.note(Stage.READING)
        try:
            facts = await steps.read_photos(self._card.card_id)
        except ActivityError as failure:
            if is_cancelled_exception(failure):
                raise
            workflow.logger.warning("the photos could not be read; the seller types the fields")
            return ReadFacts(False, False, 0, duplicate=False, brand_differs=False, revision=0)
        if facts.duplicate:
            raise JourneyEnded(Outcome.REJECTED, EndReason.DUPLICATE)
        return facts

    async def _pay(self, quote_id: str) -> CardEnded:
        if self._card.edition >= 1 or workflow.patched("a refused payee can be corrected"):
            await self._payout.until_paid(quote_id, self._verification.recheck)
            return CardEnded(Outcome.PAID)
        if workflow.patched("the issuer confirms the card before payment"):
            await self._verification.recheck(quote_id)
        paid = await self._payout.pay(quote_id)
        if paid.outcome is PayoutOutcome.PAID:
            return CardEnded(Outcome.PAID)
        return CardEnded(Outcome.PAYMENT_REFUSED, EndReason.PAYEE_REFUSED, paid.code)

    @workflow.query
    def story(self) -> Story:
        """Stage, waiting for whom, since when, until when."""
        return self._progress.story()

    @workflow.update
    async def send_fields(self, sent: FieldsConfirmed) -> None:
        """Receive the seller's fields: confirmed, corrected or sent again."""
        self._seller.receive(sent)

    @send_fields.validator
    def _check_send_fields(self, sent: FieldsConfirmed) -> None:  # noqa: ARG002  # A validator takes what its Update takes.
        self._seller.check_expected()

    @workflow.update
    async def enter_code(self, entered: CodeEntered) -> CodeChecked:
        """Receive the issuer's one-time code from the seller."""
        return await self._code.enter(entered)

    @enter_code.validator
    def _check_enter_code(self, entered: CodeEntered) -> None:  # noqa: ARG002  # As above.
        self._code.check_expected()

    @workflow.update
    async def resend_code(self, wanted: CodeWanted | None = None) -> CodeSent:  # noqa: ARG002  # Checked by the validator.
        """Send another one-time code at the seller's request. Only old histories hold it without an argument."""
        return await self._code.resend()

    @resend_code.validator
    def _check_resend_code(self, wanted: CodeWanted | None = None) -> None:
        if wanted is None:  # Only what is sealed is known to come from us.
            raise ApplicationError("nothing sealed came with it", type="unsealed", non_retryable=True)
        self._code.check_expected()

    @workflow.update
    async def answer_offer(self, answer: OfferAnswer) -> str:
        """Receive the seller's acceptance or refusal of the quote."""
        return await self._offer.answer(answer)

    @answer_offer.validator
    def _check_answer_offer(self, answer: OfferAnswer) -> None:
        self._offer.check_expected(answer)

    @workflow.update
    async def withdraw(self, asked: WithdrawalAsked) -> None:  # noqa: ARG002  # The validator has judged it.
        """Withdraw the card at the seller's request."""
        await self._withdrawal.withdraw()

    @withdraw.validator
    def _check_withdraw(self, asked: WithdrawalAsked) -> None:
        self._withdrawal.check_expected(asked)

    @workflow.update
    async def decide(self, decision: Decision) -> ReviewFacts:
        """Receive a reviewer's decision."""
        return await self._human_review.decide(decision)

    @decide.validator
    def _check_decide(self, decision: Decision) -> None:
        self._human_review.check_expected(decision)

    @workflow.update
    async def ask_person(self, wanted: PersonWanted) -> None:
        """Operations wants a person to decide now."""
        self._person.ask(wanted)

    @ask_person.validator
    def _check_ask_person(self, wanted: PersonWanted) -> None:
        self._person.check_expected(wanted)

    @workflow.update
    async def cancel(self, asked: CancelAsked) -> None:
        """Operations ends the card before any payment."""
        await self._cancellation.cancel(asked)

    @cancel.validator
    def _check_cancel(self, asked: CancelAsked) -> None:  # noqa: ARG002  # As above.
        self._cancellation.check_expected()

    @workflow.update
    async def correct_payee(self, corrected: PayeeCorrected) -> None:
        """Another payee in place of the one that the gateway refused."""
        self._payout.correct(corrected)

    @correct_payee.validator
    def _check_correct_payee(self, corrected: PayeeCorrected) -> None:  # noqa: ARG002  # As above.
        self._payout.check_expected()

    @workflow.signal
    def replan(self, changed: ClockChanged) -> None:
        """Note that the clock of the open review task has changed."""
        self._human_review.replan(changed.task_id)

    @workflow.signal
    def outlet_reported(self, report: OutletReport) -> None:
        """Receive a partner outlet's report."""
        self._verification.report(report)

    @workflow.signal
    def skip_wait(self, skipped: WaitSkipped) -> None:
        """Operations end the wait for an answer."""
        self._verification.skip(skipped.waiting_for)

    @workflow.signal
    def payment_reported(self, reported: PaymentReported) -> None:
        """Receive the payment gateway's report."""
        self._payout.report(reported)

    @workflow.signal
    def payment_released(self, released: PaymentReleased) -> None:
        """Note that what held the payment is over."""
        self._payout.release(released)
