"""What a card's workflow must know of the providers it waits for."""

from __future__ import annotations

from datetime import datetime

from temporalio import activity

from activities.failures import translated
from database.reads.ops.providers import held_since
from database.session import Database
from domain.cards.facts import HeldFacts


class Providers:
    """Says whether a time limit ran out because of a window of maintenance."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="provider.held")
    @translated
    async def held(self, provider: str, brand: str, since: str) -> HeldFacts:
        """Return whether the provider has been in maintenance, for this brand, at any time since then (ISO 8601)."""
        async with self._database.transaction() as session:
            return await held_since(session, provider, brand, datetime.fromisoformat(since))
