"""The looks at the running workflows; the console's process has them, so that its pages know whether workers are away."""

from __future__ import annotations

from temporalio.client import Client

from bootstrap.settings import Settings
from bootstrap.store import photo_store
from database.session import Database
from domain.ops.runs import RunKind, subject_of
from domain.rules.brands import issuers
from domain.sealing import KeyRing
from jobs.open_runs import AT_ONCE, RunWatcher
from jobs.registry import Job
from services.cards.intake import Intake
from services.ops.stuck import StuckRuns
from workflows.client import CardClient
from workflows.policies import CARDS_QUEUE, READING_QUEUE, issuer_queue
from workflows.repair_client import RepairClient

STUCK_S, DESCRIBE_S, QUEUES_S, SWEEP_S = 2.0, 1.0, 5.0, 60.0
NEVER = 10**9  # A look is whole: there is never more at once.


def watching(settings: Settings, keyring: KeyRing, store: Database, client: Client) -> list[Job]:
    """Return the loops."""
    intake, desk = Intake(store, keyring, photo_store(settings, keyring)), CardClient(client)
    repairs = RepairClient(client)

    async def restart(workflow_id: str) -> None:
        found = subject_of(workflow_id)
        if found is not None and found[0] is RunKind.REPAIR:
            await repairs.tell(found[1])
        elif found is not None:
            await desk.start(await intake.card_to_buy(found[1]))

    watcher = RunWatcher(store, client, queues, restart)
    return [
        Job("stuck", STUCK_S, StuckRuns(store).find, NEVER),
        Job("describe", DESCRIBE_S, watcher.describe, AT_ONCE),
        Job("queues", QUEUES_S, watcher.look_at_queues, NEVER),
        Job("sweep", SWEEP_S, watcher.sweep, NEVER),
    ]


def queues() -> list[tuple[str, str]]:
    """Return every task queue of the installation, with what is asked of it."""
    activity = [CARDS_QUEUE, READING_QUEUE, *(issuer_queue(issuer) for issuer in sorted(issuers()))]
    return [(CARDS_QUEUE, "workflow"), *((queue, "activity") for queue in activity)]
