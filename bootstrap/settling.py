"""The loops that begin settlement runs and tell their workflows of changes."""

from __future__ import annotations

from temporalio.client import Client

from database.session import Database
from jobs import settlements
from jobs.registry import Job
from services.finance.settlement.starting import SettlementStarting
from workflows.settlement_client import SettlementClient

BATCH = 50  # At most so many runs begin in one look.
STARTING_S, TELLING_S = 60.0, 1.0


def settlement_jobs(store: Database, client: Client) -> list[Job]:
    """Return the loops beside the workers."""
    starting = SettlementStarting(store)
    sender = settlements.SettlementSender(store, SettlementClient(client))
    return [
        Job("settlement_runs", STARTING_S, lambda: starting.begin_due(BATCH), BATCH),
        Job("settlements", TELLING_S, sender.tell, settlements.AT_ONCE),
    ]
