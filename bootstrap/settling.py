"""The activities of settlement runs, and the loops that begin runs and wake their workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from activities.settlement import SettlementActivities
from database.session import Database
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from jobs import settlements
from jobs.registry import Job
from services.finance.settlement.starting import SettlementStarting
from services.support.desk import SupportDesk
from workflows.settlement_client import SettlementClient

BATCH = 50  # At most so many runs begin in one look.
STARTING_S, TELLING_S = 60.0, 1.0


def settlement_activities(store: Database, keyring: KeyRing, photos: PhotoStore) -> list[Callable[..., Any]]:
    """Return the activities of settlement that need no provider."""
    runs = SettlementActivities(SupportDesk(store, keyring, photos))
    return [runs.look, runs.collect, runs.state, runs.act, runs.prepare]


def settlement_jobs(store: Database, client: Client) -> list[Job]:
    """Return the loops beside the workers."""
    starting = SettlementStarting(store)
    sender = settlements.SettlementSender(store, SettlementClient(client))
    return [
        Job("settlement_runs", STARTING_S, lambda: starting.begin_due(BATCH), BATCH),
        Job("settlements", TELLING_S, sender.tell, settlements.AT_ONCE),
    ]
