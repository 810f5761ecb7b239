"""The processes that carry cards forward: workflows and their activities, one queue per issuer, and the loops beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, UnsandboxedWorkflowRunner, Worker

from activities.cards import Journey
from activities.payout import Payout
from activities.pricing import Pricing
from activities.provider import Providers
from activities.review.alarms import Alarms
from activities.review.tasks import Review
from activities.tickets import TicketActivities
from activities.verification.inquiry import Verification
from bootstrap import clock, keys, outside, scheduled_check
from bootstrap.demo.jobs import demo_jobs
from bootstrap.escalation_jobs import escalation_jobs
from bootstrap.local import temporal
from bootstrap.mail import mail_delivery, mailbox_jobs
from bootstrap.maintenance import call_holder, maintenance_job, rates_job
from bootstrap.paying import payment_gateways
from bootstrap.policies import policy_job
from bootstrap.provider_workers import IssuerWorkers, Task, issuer_workers, provider_worker
from bootstrap.reconciliation import reconciliation_jobs
from bootstrap.repairing import repair_activities
from bootstrap.reporting import attempts_job, call_counts, calls_job, interceptors_of, last_attempts, reported
from bootstrap.settings import Settings
from bootstrap.settling import settlement_activities, settlement_jobs
from bootstrap.store import database, photo_store
from bootstrap.telemetry.listener import give_metrics
from bootstrap.telemetry.sdk_metrics import SdkMetrics
from bootstrap.worker_options import worker_options
from bootstrap.worker_process import worker_process
from database.repositories import evidence
from database.session import Database
from domain.finance.payout import PaymentGateway
from domain.finance.rails import Rail
from domain.rules.brands import issuers as issuers_of_today
from domain.sealing import KeyRing
from domain.work.kinds import KindOfWork
from jobs import due_decisions, replanning
from jobs import payees as payees_job
from jobs import repairs as repairs_job
from jobs import tickets as tickets_job
from jobs.books import Bookkeeper
from jobs.due_decisions import DecisionSender
from jobs.invariants import invariants_job
from jobs.payees import CorrectionSender
from jobs.privacy import privacy_job
from jobs.registry import Job
from jobs.repairs import RepairSender
from jobs.replanning import Replanner
from jobs.tickets import TicketSender
from services.cards.intake import Intake
from services.cards.provider_calls import Parties
from services.cards.stock import Stock
from services.finance.payees import Payees
from services.notices.digest import NoticeDelivery
from services.notices.outbox_delivery import Delivery
from services.ops.attempts import Attempts
from services.ops.window_steps import MessageAllowance
from services.policies.reading import PolicyReader
from services.support.closing_accounts import ClosingAccounts
from services.support.desk import SupportDesk
from services.support.privacy import Privacy
from services.work.assignment import Assignment
from services.work.item_clocks import OwnClocks
from services.work.snoozes import Snoozes
from workflows.card import CardWorkflow
from workflows.client import CardClient
from workflows.codec import data_converter
from workflows.goodwill import GoodwillWorkflow
from workflows.policies import CARDS_QUEUE, DESK_QUEUE, FX_QUEUE, OUTLET_QUEUE, PAYOUT_QUEUE
from workflows.repair import RepairWorkflow
from workflows.repair_client import RepairClient
from workflows.settlement import SettlementWorkflow
from workflows.starter import start_cards
from workflows.ticket import TicketWorkflow
from workflows.ticket_client import TicketClient

log = structlog.get_logger()
BATCH = 100  # At most so many cards or leaves in one look.
PATIENCE_S = 0.5  # Deliveries that take longer continue while the loop looks for others.
ANY = 1  # A loop that delivers looks again at once when it has started anything.
# Seconds between two looks of each loop when there is nothing to do.
STARTER_S, COURIER_S, SEQUENCER_S, TELLER_S, NOTICES_S = 1.0, 0.5, 0.5, 0.5, 5.0

ISSUERS_S, BOOKS_S = 2.0, 1.0
REPAIRS_S, TICKETS_S = 0.5, 0.5
ASSIGNMENT_S, SNOOZES_S, REPLANNER_S, PAYEES_S, OWN_CLOCKS_S = 1.0, 5.0, 2.0, 1.0, 5.0

Gateways = Mapping[Rail, PaymentGateway]
DESK_WORKFLOWS: list[type] = [RepairWorkflow, TicketWorkflow, SettlementWorkflow]
# Runs of the desks from before they had a queue stay on the cards' own.
WORKFLOWS: Mapping[str, list[type]] = {
    CARDS_QUEUE: [CardWorkflow, GoodwillWorkflow, *DESK_WORKFLOWS],
    DESK_QUEUE: DESK_WORKFLOWS,
}


async def run_cards(settings: Settings) -> None:
    """Work on card workflows and every activity but reading, until cancelled or drained; running activities are finished first."""
    secrets = keys.load(settings)
    store = database(settings)
    counts, measured = call_counts(store), SdkMetrics()
    world = outside.build(settings, secrets, store, counts=counts)
    give_metrics(settings, "cards", measured)
    client = await temporal.connect(settings, data_converter(secrets.keyring), measured.runtime)
    await temporal.register_search_attributes(client)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.dispose)
        await clock.require(store)
        process = await stack.enter_async_context(worker_process(store, "cards", measured.queues_used))
        policies = PolicyReader(store)
        await policies.refresh()  # Before the first card is judged.
        attempts = Attempts(store)
        stack.push_async_callback(last_attempts, attempts)  # Of steps that end while the workers do.
        reporting = [call_holder(settings, store), *interceptors_of(attempts)]
        gateways = payment_gateways(settings, store, world.breakers)
        for worker in card_workers(settings, client, store, secrets.keyring, world, gateways, reporting):
            await stack.enter_async_context(worker)
        asked = asked_of_issuers(settings, store, secrets.keyring, world)
        issuers = IssuerWorkers(settings, client, asked, stack, reporting)
        jobs = _jobs(settings, store, secrets.keyring, world, client)
        own = [
            policy_job(policies),
            attempts_job(attempts),
            calls_job(counts),
            *mailbox_jobs(settings, store, secrets.keyring),
            Job("issuers", ISSUERS_S, issuers.start_new, ANY),
            *reconciliation_jobs(settings, store, secrets.keyring, gateways),
        ]
        registry = reported(store, "worker-cards", [*own, *jobs])
        async with asyncio.TaskGroup() as loops:
            await process.until_drained([loops.create_task(clock.watch(store)), *registry.start(loops)])


def _jobs(settings: Settings, store: Database, keyring: KeyRing, world: outside.Outside, client: Client) -> list[Job]:
    """The loops beside the workers."""
    desk, tickets = CardClient(client), TicketClient(client)
    support = SupportDesk(store, keyring, photo_store(settings, keyring))
    intake = Intake(store, keyring, support.store)
    payees = CorrectionSender(store, Payees(store, keyring), desk)
    return [
        Job("starter", STARTER_S, lambda: _start_waiting(intake, desk), BATCH),
        Job("assignment", ASSIGNMENT_S, lambda: Assignment(store).drain(BATCH), BATCH),
        Job("snoozes", SNOOZES_S, lambda: Snoozes(store).tell_back(BATCH), BATCH),
        Job("own_clocks", OWN_CLOCKS_S, lambda: OwnClocks(store).ring(BATCH), BATCH),
        Job("courier", COURIER_S, _courier(settings, store, keyring, world), ANY),
        Job("notices", NOTICES_S, _notices(settings, store, keyring), ANY),
        Job("replanner", REPLANNER_S, Replanner(store, desk).signal, replanning.AT_ONCE),
        Job("sequencer", SEQUENCER_S, lambda: _sequence(store, keyring), BATCH),
        Job("teller", TELLER_S, DecisionSender(store, desk).tell, due_decisions.AT_ONCE),
        Job("gateway_clock", clock.GATEWAY_LOOK_S, lambda: clock.compare_with_gateway(settings, store), ANY),
        Job("check", scheduled_check.LOOK_S, scheduled_check.ScheduledCheck(store).look, BATCH),
        privacy_job(Privacy(support), ClosingAccounts(support)),
        Job("payees", PAYEES_S, payees.tell, payees_job.AT_ONCE),
        Job("books", BOOKS_S, Bookkeeper(store).look, BATCH),
        invariants_job(store),
        maintenance_job(settings, store, client),
        rates_job(store, client),
        *escalation_jobs(support, client),
        *settlement_jobs(store, client),
        Job("repairs", REPAIRS_S, RepairSender(store, RepairClient(client)).tell, repairs_job.AT_ONCE),
        Job("tickets", TICKETS_S, TicketSender(store, tickets).tell, tickets_job.AT_ONCE),
        Job("ticket_clocks", REPLANNER_S, Replanner(store, tickets, of=_keeps_own_time).signal, replanning.AT_ONCE),
        *demo_jobs(settings, store, keyring, desk),
    ]


def _keeps_own_time(kind: KindOfWork) -> bool:
    return kind.keeps_own_time


async def _start_waiting(intake: Intake, desk: CardClient) -> int:
    """Starts the cards that were taken in but not started, e.g. while Temporal was away."""
    return await start_cards(intake, desk, await intake.not_started(BATCH))


def _parties(settings: Settings, world: outside.Outside) -> Parties:
    return Parties(world.issuer, world.pos, world.outlet, world.fx, f"{settings.api_url}/callbacks/outlets")


def _own_activities(store: Database, keyring: KeyRing, payout: Payout) -> list[Task]:
    """Activities of the cards' own queue: whatever touches the database alone, and the payments."""
    pricing, review, alarms = Pricing(store, keyring, Stock()), Review(store, keyring), Alarms(store)
    journey, providers = Journey(store), Providers(store)
    return [
        pricing.value, pricing.offer, pricing.close,
        review.open, review.apply, alarms.alarm, alarms.chain, alarms.replan, alarms.decide_by_policy,
        payout.prepare, payout.send, payout.reconcile, payout.settle, payout.conclude,
        payout.prepare_goodwill,
        journey.move, journey.end, journey.withdraw, journey.cancel, providers.held,
    ]  # fmt: skip


def card_workers(
    settings: Settings,
    client: Client,
    store: Database,
    keyring: KeyRing,
    world: outside.Outside,
    gateways: Gateways,
    interceptors: Sequence[Interceptor] = (),
) -> list[Worker]:
    """Build the workers of the cards' and the desks' own queues, and those of each provider's.

    The cards' own queue serves outlets, the exchange desk, payments and the desks' workflows too: cards and runs from before
    these had queues ask there.
    """
    verification = Verification(store, keyring, _parties(settings, world))
    payout = Payout(store, keyring, gateways)
    asked = asked_of_issuers(settings, store, keyring, world)
    desk = _desk_activities(settings, client, store, keyring)
    local: list[Task] = [verification.record_outlet_report, verification.record_silence]
    remote: list[Task] = [verification.ask_outlet, verification.open_channel]
    of_cards: list[Task] = [*_own_activities(store, keyring, payout), *local, *remote, *desk]
    own_workers = [
        Worker(
            client,
            task_queue=queue,
            workflows=WORKFLOWS[queue],
            activities=tasks,
            workflow_runner=UnsandboxedWorkflowRunner(),  # See docs/decisions/0008: the tests run in the sandbox.
            max_cached_workflows=settings.workflows_cached,
            **worker_options(interceptors),
        )
        for queue, tasks in ((CARDS_QUEUE, of_cards), (DESK_QUEUE, [*desk, payout.conclude]))
    ]
    own: dict[str, list[Task]] = {
        OUTLET_QUEUE: [verification.ask_outlet], FX_QUEUE: [verification.open_channel],
        PAYOUT_QUEUE: [payout.send, payout.reconcile],
    }  # fmt: skip
    rate = settings.outside_calls_per_second
    others = [provider_worker(client, queue, tasks, rate, interceptors) for queue, tasks in own.items()]
    return [*own_workers, *others, *issuer_workers(settings, client, sorted(issuers_of_today()), asked, interceptors)]


def asked_of_issuers(settings: Settings, store: Database, keyring: KeyRing, world: outside.Outside) -> list[Task]:
    """Return the activities of every issuer's queue."""
    verification = Verification(store, keyring, _parties(settings, world))
    return [
        verification.ask_issuer, verification.ask_store, verification.recheck, verification.send_code,
        verification.check_code,
    ]  # fmt: skip


def _desk_activities(settings: Settings, client: Client, store: Database, keyring: KeyRing) -> list[Task]:
    """Return the steps of repairs, tickets and settlements that need no provider."""
    repairs = repair_activities(settings, client, store, keyring)
    settling = settlement_activities(store, keyring, photo_store(settings, keyring))
    return [repairs.advance, repairs.act, repairs.look, TicketActivities(store).advance, *settling]


def _courier(
    settings: Settings, store: Database, keyring: KeyRing, world: outside.Outside
) -> Callable[[], Awaitable[int]]:
    allowance = MessageAllowance(settings.outside_calls_per_second)
    mail = mail_delivery(settings, store, keyring)
    delivery = Delivery(
        store, keyring, world.webhooks, world.messages, allowance.left, mail=mail, pages_url=settings.api_url
    )
    return lambda: delivery.deliver_due(patience_s=PATIENCE_S)


def _notices(settings: Settings, store: Database, keyring: KeyRing) -> Callable[[], Awaitable[int]]:
    delivery = NoticeDelivery(store, keyring, outside.notice_channels(settings))
    return lambda: delivery.deliver_due(patience_s=PATIENCE_S)


async def _sequence(store: Database, keyring: KeyRing) -> int:
    async with store.transaction() as session:
        return await evidence.sequence(session, keyring, BATCH)
