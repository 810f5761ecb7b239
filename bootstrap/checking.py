"""What must always hold, asked of the installation's own database."""

from __future__ import annotations

from bootstrap import keys
from bootstrap.settings import Settings
from bootstrap.store import opened
from database.invariants import Violation
from database.invariants import violations as broken


async def violations(settings: Settings) -> list[Violation]:
    """Everything that is broken; none when all is well. Raises Problem when the database does not answer."""
    keyring = keys.load(settings).keyring
    async with opened(settings) as store, store.transaction() as session:
        return await broken(session, keyring.evidence_public_key)
