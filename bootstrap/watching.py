"""The looks at the running workflows, readings of health, and alerts: in the console's process, which runs without workers."""

from __future__ import annotations

from temporalio.client import Client

from bootstrap import outside
from bootstrap.maintenance import maintenance_job, rates_job
from bootstrap.measuring import measure
from bootstrap.settings import Settings
from bootstrap.store import photo_store
from database.session import Database
from domain.ops.runs import RunKind, subject_of
from domain.rules.brands import providers
from domain.sealing import KeyRing
from jobs.builds import BuildCounter
from jobs.figures import FiguresJob
from jobs.maintenance import queues_of
from jobs.open_runs import AT_ONCE, RunWatcher
from jobs.registry import Job
from services.cards.intake import Intake
from services.notices.digest import NoticeDelivery
from services.notices.outbox_delivery import ALERTS, Delivery
from services.ops.alerts import Alerts
from services.ops.health import Health
from services.ops.stuck import StuckRuns
from workflows.client import CardClient
from workflows.policies import CARDS_QUEUE, DESK_QUEUE, READING_QUEUE
from workflows.repair_client import RepairClient
from workflows.ticket_client import TicketClient

HEALTH_S, ALERTS_S, HOOKS_S, NOTICES_S, PATIENCE_S = 10.0, 5.0, 2.0, 10.0, 0.5
STUCK_S, DESCRIBE_S, QUEUES_S, SWEEP_S, BUILDS_S, FIGURES_S = 2.0, 1.0, 5.0, 60.0, 30.0, 10.0
NEVER = 10**9  # A look is whole: there is never more at once.


def watching(settings: Settings, keyring: KeyRing, store: Database, client: Client) -> list[Job]:
    """Return the loops."""
    intake, desk = Intake(store, keyring, photo_store(settings, keyring)), CardClient(client)
    repairs, tickets = RepairClient(client), TicketClient(client)

    async def restart(workflow_id: str) -> None:
        found = subject_of(workflow_id)
        if found is not None and found[0] is RunKind.REPAIR:
            await repairs.tell(found[1])
        elif found is not None and found[0] is RunKind.TICKET:
            await tickets.tell(found[1])
        elif found is not None:
            await desk.start(await intake.card_to_buy(found[1]))

    watcher = RunWatcher(store, client, queues, restart)
    hooks = Delivery(store, keyring, outside.webhooks(settings), None, destination=ALERTS)
    notices = NoticeDelivery(store, keyring, outside.notice_channels(settings))
    alerts = Alerts(store)

    async def judge() -> int:
        return (await alerts.judge()).fired

    return [
        maintenance_job(settings, store, client),
        rates_job(store, client),
        Job("health", HEALTH_S, Health(store, lambda: measure(settings, store)).take, NEVER),
        Job("alerts", ALERTS_S, judge, NEVER),
        # Alerts must leave when every worker is away.
        Job("alert_hooks", HOOKS_S, lambda: hooks.deliver_due(patience_s=PATIENCE_S), NEVER),
        Job("notices", NOTICES_S, lambda: notices.deliver_due(patience_s=PATIENCE_S), NEVER),
        Job("stuck", STUCK_S, StuckRuns(store).find, NEVER),
        Job("describe", DESCRIBE_S, watcher.describe, AT_ONCE),
        Job("queues", QUEUES_S, watcher.look_at_queues, NEVER),
        Job("sweep", SWEEP_S, watcher.sweep, NEVER),
        Job("builds", BUILDS_S, BuildCounter(store, client).count, NEVER),
        Job("figures", FIGURES_S, FiguresJob(store).look, NEVER),
    ]


def queues() -> list[tuple[str, str]]:
    """Return every task queue of the installation, with what is asked of it."""
    of_providers = [queue for provider in providers() for queue in queues_of(provider)]
    own = (CARDS_QUEUE, DESK_QUEUE)
    return [
        *((queue, "workflow") for queue in own),
        *((queue, "activity") for queue in (*own, READING_QUEUE, *of_providers)),
    ]
