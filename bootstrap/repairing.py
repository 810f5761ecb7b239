"""How the cards' worker repairs runs: every kind's act, with what it needs."""

from __future__ import annotations

from temporalio.client import Client

from activities.repairs import RepairActivities
from bootstrap.settings import Settings
from bootstrap.store import photo_store
from database.session import Database
from domain.cards.facts import CardToBuy
from domain.ops.repairs import ResetPoint
from domain.sealing import KeyRing
from services.cards.intake import Intake
from services.ops.repairs.resetting import from_point
from workflows.client import CardClient
from workflows.repairing import RepairActs


def repair_activities(settings: Settings, client: Client, store: Database, keyring: KeyRing) -> RepairActivities:
    """Return the activities of repairs."""
    intake = Intake(store, keyring, photo_store(settings, keyring))

    async def started_from(card_id: str, point: ResetPoint) -> CardToBuy:
        return from_point(await intake.card_to_buy(card_id), point)

    acts = RepairActs(client, CardClient(client), started_from)
    return RepairActivities(store, acts.by_kind(), acts.look)
