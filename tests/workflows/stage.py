"""A pretended world for card workflows: activities of the real names whose answers a test sets, and which remember their calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Interceptor, Worker

from domain.cards.card import CardStatus, CardType, EndReason, Outcome, Stage, WaitingFor
from domain.cards.facts import (
    EDITION,
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
    Resume,
    ReviewFacts,
    TaskOpened,
    ValuedFacts,
    VerifiedFacts,
)
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome
from domain.cards.verification import Consequence, DynamicCodeResult, Party
from domain.finance.payout import PayoutOutcome
from domain.identifiers import new_id
from domain.money import Currency
from domain.work.task import Alarm
from tests.workflows.once import OncePerCommand
from workflows.card import CardWorkflow
from workflows.goodwill import GoodwillWorkflow
from workflows.policies import (
    CARDS_QUEUE,
    FX_QUEUE,
    OUTLET_QUEUE,
    PAYOUT_QUEUE,
    READING_QUEUE,
    issuer_queue,
    store_queue,
)

Answered = TypeVar("Answered")

BRANDS = {
    CardType.SUPERMARKET: "walmart",
    CardType.ECOMMERCE: "jd",
    CardType.DINING: "starbucks",
    CardType.REGIONAL: "hualian",
    CardType.CROSSBORDER: "amazon-us",
}
ACTIVE = VerifiedFacts(CardStatus.ACTIVE, Consequence.PROCEED, None, (), 50_000, 1)


def card(
    card_type: CardType = CardType.ECOMMERCE, *, has_photos: bool = False, confirm_fields: bool = False
) -> CardToBuy:
    """A card of its own id."""
    brand = BRANDS[card_type]
    currency = Currency.USD if card_type is CardType.CROSSBORDER else Currency.CNY
    return CardToBuy(
        new_id(), card_type, brand, brand, has_photos, confirm_fields, currency, "seller:S1",
        may_withdraw=True, edition=EDITION,
    )  # fmt: skip


def resumed(resume: Resume, card_type: CardType = CardType.ECOMMERCE, *, has_photos: bool = True) -> CardToBuy:
    """A card whose journey continues where its rows say."""
    return replace(card(card_type, has_photos=has_photos), resume=resume)


def read(*, complete: bool = True, duplicate: bool = False) -> ReadFacts:
    """A reading that found a card."""
    return ReadFacts(True, complete, 9_900, duplicate, brand_differs=False, revision=1)


def verified(status: CardStatus, consequence: Consequence, reason: EndReason | None = None, *why: str) -> VerifiedFacts:
    """What a party said."""
    return VerifiedFacts(status, consequence, reason, why, 50_000, 1)


def decided(outcome: ReviewOutcome, **more: Any) -> ReviewFacts:
    """What a reviewer decided."""
    facts: dict[str, Any] = {"reject_reason": None, "asked_item": None, "fields_changed": False} | more
    return ReviewFacts(outcome, **facts)


@dataclass
class World:
    """What the outside answers, in order; the last answer of each list is repeated. An exception is raised."""

    readings: list[ReadFacts | Exception] = field(default_factory=lambda: [read()])
    issuer: list[VerifiedFacts | Exception] = field(default_factory=lambda: [ACTIVE])
    store: list[VerifiedFacts | Exception] = field(default_factory=lambda: [ACTIVE])
    outlet: list[VerifiedFacts | Exception] = field(default_factory=lambda: [ACTIVE])
    codes: list[CodeChecked | Exception] = field(default_factory=lambda: [CodeChecked(DynamicCodeResult.RIGHT, 3)])
    rechecked: list[RecheckFacts | Exception] = field(default_factory=lambda: [RecheckFacts(None)])
    outlets_away: list[Exception] = field(default_factory=list)  # How asking an outlet fails before it succeeds.
    outlet_near: bool = True  # Some outlet of the brand takes a request.
    licensed: bool = True
    reasons: list[tuple[str, ...] | Exception] = field(default_factory=lambda: [()])
    accepted: bool = True
    offer_seconds: int = 600
    warn_after_s: int = 3_600
    due_after_s: int = 7_200
    chain_after_s: tuple[int, ...] = ()
    end_after_s: int | None = None
    plan_version: int = 1
    replanned: list[TaskOpened | Exception] = field(default_factory=list)
    by_policy: list[DecidedByPolicy | Exception] = field(default_factory=lambda: [DecidedByPolicy("by-policy")])
    decisions: dict[str, ReviewFacts] = field(default_factory=dict)
    payments: list[PayoutFacts | Exception] = field(default_factory=lambda: [PayoutFacts(PayoutOutcome.PAID, None)])
    reconciled: list[PayoutFacts | Exception] = field(default_factory=lambda: [PayoutFacts(PayoutOutcome.PAID, None)])
    prepared: list[PaymentHeld | Exception | None] = field(default_factory=lambda: [None])  # Why the order waits.
    ending_takes_s: float = 0.0  # How long an answer to a quote, or a withdrawal, takes to be written down.
    holds: list[HeldFacts | Exception] = field(default_factory=lambda: [HeldFacts(held=False, until=None)])
    withdrawn: list[bool | Exception] = field(default_factory=lambda: [True])
    cancelled: list[Cancelled | Exception] = field(default_factory=lambda: [Cancelled(True)])
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    second_query: asyncio.Event = field(default_factory=asyncio.Event)  # Set when the gateway is asked again.

    answered: PayoutFacts = field(default_factory=lambda: PayoutFacts(PayoutOutcome.UNKNOWN, None))

    def names(self) -> list[str]:
        """The activities called, in order."""
        return [name for name, _ in self.calls]

    def of(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of one activity."""
        return [arguments for called, arguments in self.calls if called == name]

    def _next(self, name: str, answers: list[Answered | Exception], *arguments: Any) -> Answered:
        self.calls.append((name, arguments))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _kept(self, facts: PayoutFacts) -> PayoutFacts:
        if facts.outcome is not PayoutOutcome.UNKNOWN:
            self.answered = facts
        return facts

    @activity.defn(name="reading.read_photos")
    async def read_photos(self, card_id: str) -> ReadFacts:
        return self._next("reading.read_photos", self.readings, card_id)

    @activity.defn(name="verification.ask_issuer")
    async def ask_issuer(self, card_id: str) -> VerifiedFacts:
        return self._next("verification.ask_issuer", self.issuer, card_id)

    @activity.defn(name="verification.ask_store")
    async def ask_store(self, card_id: str, again: int = 0) -> VerifiedFacts:
        return self._next("verification.ask_store", self.store, card_id, again)

    @activity.defn(name="verification.recheck")
    async def recheck(self, card_id: str, quote_id: str, attempt: int = 1) -> RecheckFacts:
        return self._next("verification.recheck", self.rechecked, card_id, quote_id, attempt)

    @activity.defn(name="verification.send_code")
    async def send_code(self, card_id: str, number: int) -> CodeSent:
        self.calls.append(("verification.send_code", (card_id, number)))
        return CodeSent(number, (datetime.now(UTC) + timedelta(minutes=5)).isoformat())

    @activity.defn(name="verification.check_code")
    async def check_code(self, card_id: str, number: int, code: str) -> CodeChecked:
        return self._next("verification.check_code", self.codes, card_id, number, code)

    @activity.defn(name="verification.ask_outlet")
    async def ask_outlet(self, card_id: str, again: int = 0) -> OutletAsked:
        self.calls.append(("verification.ask_outlet", (card_id, again)))
        if self.outlets_away:
            raise self.outlets_away.pop(0)
        asked_at = activity.info().current_attempt_scheduled_time
        patience = timedelta(hours=48) if self.outlet_near else timedelta()
        return OutletAsked(f"outlet{again or ''}-{card_id}", (asked_at + patience).isoformat())

    @activity.defn(name="verification.record_outlet_report")
    async def record_outlet_report(self, card_id: str, request_id: str, confirmed: bool) -> VerifiedFacts:
        return self._next("verification.record_outlet_report", self.outlet, card_id, request_id, confirmed)

    @activity.defn(name="verification.record_silence")
    async def record_silence(self, card_id: str, party: Party) -> VerifiedFacts:
        self.calls.append(("verification.record_silence", (card_id, party)))
        return verified(CardStatus.UNKNOWN, Consequence.REVIEW, None, "issuer_unknown")

    @activity.defn(name="verification.open_channel")
    async def open_channel(self, card_id: str) -> ChannelFacts:
        self.calls.append(("verification.open_channel", (card_id,)))
        return ChannelFacts(self.licensed, "lock-1", "7.1200", (datetime.now(UTC) + timedelta(hours=1)).isoformat())

    @activity.defn(name="pricing.value")
    async def value(self, card_id: str, number: int) -> ValuedFacts:
        reasons = self._next("pricing.value", self.reasons, card_id, number)
        return ValuedFacts(f"quote-{number}", 46_500, reasons, "pricing", "v1")

    @activity.defn(name="pricing.offer")
    async def offer(self, card_id: str, quote_id: str) -> OfferFacts:
        self.calls.append(("pricing.offer", (card_id, quote_id)))
        return OfferFacts("2030-01-01T00:00:00+00:00", self.offer_seconds, self.accepted)

    @activity.defn(name="pricing.close")
    async def close(self, card_id: str, quote_id: str, state: QuoteState) -> None:
        self.calls.append(("pricing.close", (card_id, quote_id, state)))
        await asyncio.sleep(self.ending_takes_s)

    @activity.defn(name="review.open")
    async def open(self, card_id: str, number: int, reasons: list[str]) -> TaskOpened:
        self.calls.append(("review.open", (card_id, number, tuple(reasons))))
        return TaskOpened(
            f"task-{number}",
            self.warn_after_s,
            self.due_after_s,
            self.chain_after_s,
            self.end_after_s,
            self.plan_version,
        )

    @activity.defn(name="review.alarm")
    async def alarm(self, task_id: str, alarm: Alarm) -> None:
        self.calls.append(("review.alarm", (task_id, alarm)))

    @activity.defn(name="review.chain")
    async def chain(self, task_id: str, step: int) -> None:
        self.calls.append(("review.chain", (task_id, step)))

    @activity.defn(name="review.replan")
    async def replan(self, task_id: str) -> TaskOpened:
        return self._next("review.replan", self.replanned, task_id)

    @activity.defn(name="review.decide_by_policy")
    async def decide_by_policy(self, task_id: str) -> DecidedByPolicy:
        return self._next("review.decide_by_policy", self.by_policy, task_id)

    @activity.defn(name="review.apply")
    async def apply(self, task_id: str, decision_id: str) -> ReviewFacts:
        self.calls.append(("review.apply", (task_id, decision_id)))
        return self.decisions[decision_id]

    @activity.defn(name="payout.prepare")
    async def prepare(self, card_id: str, quote_id: str, key: str) -> PaymentHeld | None:
        return self._next("payout.prepare", self.prepared, card_id, quote_id, key)

    @activity.defn(name="payout.prepare_goodwill")
    async def prepare_goodwill(self, goodwill_id: str, key: str) -> PaymentHeld | None:
        return self._next("payout.prepare_goodwill", self.prepared, goodwill_id, key)

    @activity.defn(name="payout.send")
    async def send(self, key: str, concludes: bool = False) -> PayoutFacts:
        return self._kept(self._next("payout.send", self.payments, *([key, True] if concludes else [key])))

    @activity.defn(name="payout.reconcile")
    async def reconcile(self, key: str) -> PayoutFacts:
        if self.of("payout.reconcile"):
            self.second_query.set()
        return self._kept(self._next("payout.reconcile", self.reconciled, key))

    @activity.defn(name="payout.settle")
    async def settle(self, key: str, outcome: PayoutOutcome, code: str | None) -> None:
        self.calls.append(("payout.settle", (key, outcome, code)))

    @activity.defn(name="payout.conclude")
    async def conclude(self, key: str) -> PayoutFacts:
        self.calls.append(("payout.conclude", (key,)))
        return self.answered

    @activity.defn(name="journey.move")
    async def move(self, card_id: str, stage: Stage, waiting_for: WaitingFor, until: str | None, what: str) -> None:
        self.calls.append(("journey.move", (card_id, stage, waiting_for, until, what)))

    @activity.defn(name="journey.end")
    async def end(self, card_id: str, outcome: Outcome, reason: EndReason | None, detail: str | None) -> None:
        self.calls.append(("journey.end", (card_id, outcome, reason, detail)))

    @activity.defn(name="journey.withdraw")
    async def withdraw(self, card_id: str) -> bool:
        told = self._next("journey.withdraw", self.withdrawn, card_id)
        await asyncio.sleep(self.ending_takes_s)
        return told

    @activity.defn(name="journey.cancel")
    async def cancel(self, card_id: str, repair_id: str, by: str) -> Cancelled:
        return self._next("journey.cancel", self.cancelled, card_id, repair_id, by)

    @activity.defn(name="provider.held")
    async def held(self, provider: str, brand: str, since: str) -> HeldFacts:
        return self._next("provider.held", self.holds, provider, brand, since)

    def activities(self) -> list[Callable[..., Any]]:
        """Every activity of this world."""
        return [
            self.read_photos, self.ask_issuer, self.ask_store, self.recheck, self.send_code, self.check_code, self.ask_outlet,
            self.record_outlet_report, self.record_silence, self.open_channel, self.value, self.offer, self.close,
            self.open, self.alarm, self.chain, self.replan, self.decide_by_policy, self.apply, self.prepare, self.send, self.reconcile, self.settle, self.conclude, self.move, self.end,
            self.withdraw, self.cancel, self.held, self.prepare_goodwill,
        ]  # fmt: skip


def unavailable(again_in: timedelta | None = None) -> ApplicationError:
    """An outside system that gave no answer this time, and may say when to ask again."""
    return ApplicationError("unavailable", type="gateway_unavailable", next_retry_delay=again_in)


@asynccontextmanager
async def playing(
    client: Client, world: World, *, forgetful: bool = False, interceptors: Sequence[Interceptor] = ()
) -> AsyncIterator[None]:
    """Workers of every queue of the journey, with the world's activities; forgetful ones replay a card at every step.

    They begin and end at once, and each asks for one activity at a time: a test has one card or two.
    """
    of_issuers = [queue_of(brand) for brand in BRANDS.values() for queue_of in (issuer_queue, store_queue)]
    queues = [CARDS_QUEUE, READING_QUEUE, OUTLET_QUEUE, FX_QUEUE, PAYOUT_QUEUE, *of_issuers]
    once = OncePerCommand()
    workers = [
        Worker(
            client,
            task_queue=queue,
            workflows=[CardWorkflow, GoodwillWorkflow] if queue == CARDS_QUEUE else [],
            activities=world.activities(),
            debug_mode=False,
            interceptors=[*interceptors, once],
            max_cached_workflows=0 if forgetful else 1_000,
            max_concurrent_activity_task_polls=1,
        )
        for queue in queues
    ]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        await asyncio.gather(*running)
