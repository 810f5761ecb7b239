"""The processes that carry cards forward: workflows and their activities, one queue per issuer, and the loops beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.asking import Parties
from activities.assignment import Assignment
from activities.delivery import Delivery
from activities.intake import Intake
from activities.journey import Journey
from activities.loop_faults import kind_and_place
from activities.notice_delivery import NoticeDelivery
from activities.payees import Payees
from activities.payout import Payout
from activities.pricing import Pricing
from activities.review import Review
from activities.snoozes import Snoozes
from activities.stock import Stock
from activities.verification import Verification
from bootstrap import clock, keys, outside, replanning
from bootstrap.decisions import AT_ONCE, Teller
from bootstrap.payees import PayeeTeller
from bootstrap.paying import payment_gateway
from bootstrap.replanning import Replanner
from bootstrap.services import temporal
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from database.repositories import evidence
from database.session import Database, DatabaseUnavailable
from domain.payout import PaymentGateway
from domain.rules.brands import catalogue
from domain.sealing import KeyRing
from workflows.card import CardWorkflow
from workflows.codec import data_converter
from workflows.desk import CardDesk
from workflows.policies import CARDS_QUEUE, issuer_queue
from workflows.starter import start_cards

log = structlog.get_logger()
BATCH = 100  # At most so many cards or leaves in one look.
PATIENCE_S = 0.5  # Deliveries that take longer go on while the loop looks for others.
ANY = 1  # A loop that delivers looks again at once when it has started anything.
# Seconds between two looks of each loop when there is nothing to do.
STARTER_S, COURIER_S, SEQUENCER_S, TELLER_S, NOTICES_S = 1.0, 0.5, 0.5, 0.5, 5.0

ASSIGNMENT_S, SNOOZES_S, REPLANNER_S, PAYEES_S = 1.0, 5.0, 2.0, 1.0

FAILED_PAUSE_S_MAX = 30.0

Task = Callable[..., Any]


async def run_cards(settings: Settings) -> None:
    """Works on card workflows and every activity but reading, until cancelled; what is in hand is finished first."""
    secrets = keys.load(settings)
    store = database(settings)
    world = outside.build(settings, secrets, store)
    client = await temporal.connect(settings, data_converter(secrets.keyring))
    intake = Intake(store, secrets.keyring, photo_store(settings, secrets.keyring))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.dispose)
        await clock.require(store)
        for worker in card_workers(settings, client, store, secrets.keyring, world, payment_gateway(settings)):
            await stack.enter_async_context(worker)
        desk = CardDesk(client)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(clock.watch(store))
            loops.create_task(_forever("starter", STARTER_S, lambda: _start_waiting(intake, desk)))
            loops.create_task(_forever("assignment", ASSIGNMENT_S, lambda: Assignment(store).drain(BATCH)))
            loops.create_task(_forever("snoozes", SNOOZES_S, lambda: Snoozes(store).tell_back(BATCH)))
            loops.create_task(_forever("courier", COURIER_S, _courier(store, secrets.keyring, world), ANY))
            loops.create_task(_forever("notices", NOTICES_S, _notices(settings, store, secrets.keyring), ANY))
            loops.create_task(_forever("replanner", REPLANNER_S, Replanner(store, desk).signal, replanning.AT_ONCE))
            loops.create_task(_forever("sequencer", SEQUENCER_S, lambda: _sequence(store, secrets.keyring)))
            loops.create_task(_forever("teller", TELLER_S, Teller(store, desk).tell, AT_ONCE))
            payees = PayeeTeller(store, Payees(store, secrets.keyring), desk)
            loops.create_task(_forever("payees", PAYEES_S, payees.tell, AT_ONCE))


async def _start_waiting(intake: Intake, desk: CardDesk) -> int:
    """Starts the cards that were taken in but not started, e.g. while Temporal was away."""
    return await start_cards(intake, desk, await intake.not_started(BATCH))


def _parties(settings: Settings, world: outside.Outside) -> Parties:
    return Parties(world.issuer, world.pos, world.outlet, world.fx, f"{settings.api_url}/callbacks/outlets")


def _own_activities(store: Database, keyring: KeyRing, gateway: PaymentGateway) -> list[Task]:
    """Activities of the cards' own queue: whatever touches the database alone, and the payments."""
    pricing, review = Pricing(store, keyring, Stock()), Review(store, keyring)
    payout, journey = Payout(store, keyring, gateway), Journey(store)
    return [
        pricing.value, pricing.offer, pricing.close,
        review.open, review.alarm, review.apply, review.chain, review.replan, review.decide_by_policy,
        payout.prepare, payout.send, payout.reconcile, payout.settle, payout.conclude,
        journey.move, journey.end, journey.withdraw,
    ]  # fmt: skip


def card_workers(
    settings: Settings,
    client: Client,
    store: Database,
    keyring: KeyRing,
    world: outside.Outside,
    gateway: PaymentGateway,
) -> list[Worker]:
    """The worker of the cards' own queue, and one per issuer."""
    verification = Verification(store, keyring, _parties(settings, world))
    asked: list[Task] = [
        verification.ask_issuer,
        verification.ask_store,
        verification.recheck,
        verification.send_code,
        verification.check_code,
    ]
    local: list[Task] = [verification.record_outlet_report, verification.record_silence]
    remote: list[Task] = [verification.ask_outlet, verification.open_channel]
    cards = Worker(
        client,
        task_queue=CARDS_QUEUE,
        workflows=[CardWorkflow],
        activities=[*_own_activities(store, keyring, gateway), *local, *remote],
        workflow_runner=UnsandboxedWorkflowRunner(),  # See docs/decisions/0008: the tests run in the sandbox.
        max_cached_workflows=settings.workflows_cached,
    )
    issuers = sorted({brand.issuer for brand in catalogue().values()})
    return [cards, *(_issuer_worker(settings, client, issuer, asked) for issuer in issuers)]


def _issuer_worker(settings: Settings, client: Client, issuer: str, asked: Sequence[Task]) -> Worker:
    """The server holds the rate over all workers of the queue, however many there are."""
    return Worker(
        client,
        task_queue=issuer_queue(issuer),
        activities=asked,
        max_task_queue_activities_per_second=settings.issuer_calls_per_second,
        max_concurrent_activity_task_polls=2,
    )


def _courier(store: Database, keyring: KeyRing, world: outside.Outside) -> Callable[[], Awaitable[int]]:
    delivery = Delivery(store, keyring, world.webhooks, world.messages)
    return lambda: delivery.deliver_due(patience_s=PATIENCE_S)


def _notices(settings: Settings, store: Database, keyring: KeyRing) -> Callable[[], Awaitable[int]]:
    delivery = NoticeDelivery(store, keyring, outside.notice_channels(settings))
    return lambda: delivery.deliver_due(patience_s=PATIENCE_S)


async def _sequence(store: Database, keyring: KeyRing) -> int:
    async with store.transaction() as session:
        return await evidence.sequence(session, keyring, BATCH)


async def _forever(name: str, pause_s: float, once: Callable[[], Awaitable[int]], full: int = BATCH) -> None:
    """Repeats at once while batches are full. An outage is said in the log and waited out: the work is in the database.

    Any other failure is logged by its kind and place and ends neither the loop nor the workers beside it; the loop looks
    again after a pause that doubles with each failure in a row, at most FAILED_PAUSE_S_MAX.
    """
    failures = 0
    while True:
        try:
            found = await once()
            failures = 0
            if found >= full:
                continue
        except DatabaseUnavailable as away:
            log.warning("loop_waits", loop=name, reason=str(away))
        except Exception as error:  # noqa: BLE001  # All cards depend on the process that this loop shares with the workers.
            failures += 1
            log.error("loop_failed", loop=name, reason=kind_and_place(error), in_a_row=failures)
        await asyncio.sleep(max(pause_s, min(FAILED_PAUSE_S_MAX, pause_s * 2 ** min(failures, 10))))
