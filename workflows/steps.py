"""The steps of the journey as the workflow calls them: each activity bound to its policy and task queue, once.

Steps that touch only our database are local activities; whatever leaves the house is an activity of its own.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.policies import (
    ASK,
    ASK_PATIENTLY,
    CARDS_QUEUE,
    DATABASE,
    FX_QUEUE,
    LOCK_RATE,
    OUTLET_QUEUE,
    PAY,
    PAYOUT_QUEUE,
    READ_PHOTOS,
    READING_QUEUE,
    RECONCILE,
    RemotePolicy,
    issuer_queue,
    store_queue,
)

with workflow.unsafe.imports_passed_through():
    from activities.cards import Journey
    from activities.payout import Payout
    from activities.pricing import Pricing
    from activities.provider import Providers
    from activities.reading import CardReading
    from activities.review.alarms import Alarms
    from activities.review.tasks import Review
    from activities.verification.inquiry import Verification
    from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
    from domain.cards.facts import (
        Cancelled,
        CardToBuy,
        ChannelFacts,
        CodeChecked,
        CodeSent,
        DecidedByPolicy,
        HeldFacts,
        OfferFacts,
        OutletAsked,
        PaymentHeld,
        PayoutFacts,
        ReadFacts,
        RecheckFacts,
        ReviewFacts,
        TaskOpened,
        ValuedFacts,
        VerifiedFacts,
    )
    from domain.cards.pricing import QuoteState
    from domain.cards.verification import Party
    from domain.finance.payout import PayoutOutcome
    from domain.work.task import Alarm


OWN_QUEUES = "each provider has its own queue"  # Cards from before ask stores at their issuers' queues, others at ours.


def have_own_queues(edition: int) -> bool:
    """Return whether a card of this edition asks each provider on its own queue."""
    return edition >= 2 or workflow.patched(OWN_QUEUES)


def _issuer(card: CardToBuy) -> str:
    return issuer_queue(card.issuer, card.brand if have_own_queues(card.edition) else "")


def _store(card: CardToBuy) -> str:
    return store_queue(card.issuer, card.brand) if have_own_queues(card.edition) else issuer_queue(card.issuer)


def _own(queue: str, edition: int) -> str:
    return queue if have_own_queues(edition) else CARDS_QUEUE


async def read_photos(card_id: str) -> ReadFacts:
    """Reads the card's photographs in the reader's own process."""
    return await workflow.execute_activity_method(
        CardReading.read_photos, card_id, task_queue=READING_QUEUE, **READ_PHOTOS
    )


async def ask_issuer(card: CardToBuy, policy: RemotePolicy = ASK) -> VerifiedFacts:
    """Asks the issuer for status and balance, and for consumption where the type needs it."""
    return await workflow.execute_activity_method(
        Verification.ask_issuer, card.card_id, task_queue=_issuer(card), **policy
    )


async def ask_store(card: CardToBuy, policy: RemotePolicy = ASK, again: int = 0) -> VerifiedFacts:
    """Asks the store's point of sale; `again` counts the times a reviewer wanted another look."""
    return await workflow.execute_activity_method(
        Verification.ask_store, args=[card.card_id, again], task_queue=_store(card), **policy
    )


async def recheck(card: CardToBuy, quote_id: str, attempt: int, policy: RemotePolicy = ASK) -> RecheckFacts:
    """Verify with the issuer again before the `attempt`-th payment; an invalid quote is voided."""
    return await workflow.execute_activity_method(
        Verification.recheck, args=[card.card_id, quote_id, attempt], task_queue=_issuer(card), **policy
    )


async def send_code(card: CardToBuy, number: int, policy: RemotePolicy) -> CodeSent:
    """Has the issuer send its `number`-th one-time code to the seller."""
    return await workflow.execute_activity_method(
        Verification.send_code, args=[card.card_id, number], task_queue=_issuer(card), **policy
    )


async def check_code(card: CardToBuy, number: int, code: str) -> CodeChecked:
    """Has the issuer check the code that the seller entered."""
    return await workflow.execute_activity_method(
        Verification.check_code, args=[card.card_id, number, code], task_queue=_issuer(card), **ASK
    )


async def ask_outlet(card: CardToBuy, again: int = 0, policy: RemotePolicy = ASK_PATIENTLY) -> OutletAsked:
    """Puts the card before a partner outlet, which answers by report; `again` counts a reviewer's wishes for another look."""
    return await workflow.execute_activity_method(
        Verification.ask_outlet, args=[card.card_id, again], task_queue=_own(OUTLET_QUEUE, card.edition), **policy
    )


async def record_outlet_report(card_id: str, request_id: str, confirmed: bool) -> VerifiedFacts:
    """Writes the outlet's answer down."""
    return await workflow.execute_local_activity_method(
        Verification.record_outlet_report, args=[card_id, request_id, confirmed], **DATABASE
    )


async def record_silence(card_id: str, party: Party) -> VerifiedFacts:
    """Writes down that a party gave no answer in time; a person decides without it."""
    return await workflow.execute_local_activity_method(Verification.record_silence, args=[card_id, party], **DATABASE)


async def open_channel(card: CardToBuy) -> ChannelFacts:
    """Checks the cross-border channel's licence and locks a rate for the offer."""
    return await workflow.execute_activity_method(
        Verification.open_channel, card.card_id, task_queue=_own(FX_QUEUE, card.edition), **LOCK_RATE
    )


async def value(card_id: str, number: int) -> ValuedFacts:
    """Makes the card's `number`-th quote and assessment."""
    return await workflow.execute_local_activity_method(Pricing.value, args=[card_id, number], **DATABASE)


async def offer(card_id: str, quote_id: str) -> OfferFacts:
    """Puts the quote before the seller."""
    return await workflow.execute_local_activity_method(Pricing.offer, args=[card_id, quote_id], **DATABASE)


async def close_offer(card_id: str, quote_id: str, state: QuoteState) -> None:
    """Closes the quote; an acceptance also posts what is owed."""
    await workflow.execute_local_activity_method(Pricing.close, args=[card_id, quote_id, state], **DATABASE)


async def open_review(card_id: str, number: int, reasons: tuple[str, ...]) -> TaskOpened:
    """Puts the card's `number`-th review task into the queue."""
    return await workflow.execute_local_activity_method(Review.open, args=[card_id, number, list(reasons)], **DATABASE)


async def sound_alarm(task_id: str, alarm: Alarm) -> None:
    """Marks the task warned or breached; a breach escalates it."""
    await workflow.execute_local_activity_method(Alarms.alarm, args=[task_id, alarm], **DATABASE)


async def tell_chain(task_id: str, step: int) -> None:
    """Tells the `step`-th (from 0) of the policy's chain that the task is still not decided."""
    await workflow.execute_local_activity_method(Alarms.chain, args=[task_id, step], **DATABASE)


async def replan_review(task_id: str) -> TaskOpened:
    """Plan the task's clock by the policies in force."""
    return await workflow.execute_local_activity_method(Alarms.replan, task_id, **DATABASE)


async def decide_by_policy(task_id: str) -> DecidedByPolicy:
    """Reject the card when its policy says so and there is no valid decision of a person."""
    return await workflow.execute_local_activity_method(Alarms.decide_by_policy, task_id, **DATABASE)


async def apply_decision(task_id: str, decision_id: str) -> ReviewFacts:
    """Applies a reviewer's decision to the card and closes the task."""
    return await workflow.execute_local_activity_method(Review.apply, args=[task_id, decision_id], **DATABASE)


async def prepare_payout(card_id: str, quote_id: str, key: str) -> PaymentHeld | None:
    """Writes the payment order and its postings down before anything is sent, or says why it must wait."""
    return await workflow.execute_local_activity_method(Payout.prepare, args=[card_id, quote_id, key], **DATABASE)


async def prepare_goodwill(goodwill_id: str, key: str) -> PaymentHeld | None:
    """Writes the order of a goodwill payment and its postings down before anything is sent, or says why it must wait."""
    return await workflow.execute_local_activity_method(Payout.prepare_goodwill, args=[goodwill_id, key], **DATABASE)


async def send_payout(key: str, edition: int, concludes: bool) -> PayoutFacts:
    """Sends the order; after an interruption it asks the gateway before it sends. Also posts a certain answer if it `concludes`."""
    given = [key, True] if concludes else [key]
    return await workflow.execute_activity_method(
        Payout.send, args=given, task_queue=_own(PAYOUT_QUEUE, edition), **PAY
    )


def reconcile_payout(key: str, edition: int) -> workflow.ActivityHandle[PayoutFacts]:
    """Starts asking the gateway until it knows; never sends."""
    return workflow.start_activity_method(Payout.reconcile, key, task_queue=_own(PAYOUT_QUEUE, edition), **RECONCILE)


async def settle_payout(key: str, outcome: PayoutOutcome, code: str | None) -> None:
    """Posts the outcome and ends the card in the same transaction, whatever the outcome: how journeys ended before
    a payee could be corrected."""
    await workflow.execute_local_activity_method(Payout.settle, args=[key, outcome, code], **DATABASE)


async def conclude_payout(key: str) -> PayoutFacts:
    """Posts the outcome that the gateway gave us: paid ends the card, refused makes it wait for another payee."""
    return await workflow.execute_local_activity_method(Payout.conclude, key, **DATABASE)


async def held(provider: str, brand: str, since: str) -> HeldFacts:
    """Say whether a provider has been in maintenance at any time since then, and until when it is."""
    return await workflow.execute_local_activity_method(Providers.held, args=[provider, brand, since], **DATABASE)


async def move(card_id: str, stage: Stage, waiting_for: WaitingFor, until: str | None, what: str) -> None:
    """Record the card's current stage and wait."""
    await workflow.execute_local_activity_method(
        Journey.move, args=[card_id, stage, waiting_for, until, what], **DATABASE
    )


async def withdraw(card_id: str) -> bool:
    """Ends the card as its seller wishes; False when it is sold or has ended otherwise."""
    return await workflow.execute_local_activity_method(Journey.withdraw, card_id, **DATABASE)


async def cancel_card(card_id: str, repair_id: str, by: str) -> Cancelled:
    """Ends the card as operations wishes, where no payment was ordered and its issuer holds nothing for us."""
    return await workflow.execute_local_activity_method(Journey.cancel, args=[card_id, repair_id, by], **DATABASE)


async def end(card_id: str, outcome: Outcome, reason: EndReason | None, detail: str | None) -> None:
    """Records how the card ended."""
    await workflow.execute_local_activity_method(Journey.end, args=[card_id, outcome, reason, detail], **DATABASE)
