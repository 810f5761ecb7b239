"""Write down that a backup was made, so that its age can be seen and alerted on."""

from __future__ import annotations

from datetime import UTC, datetime

from bootstrap.backup import Manifest
from bootstrap.settings import Settings
from bootstrap.store import opened
from services.ops import upkeep


async def record_backup(settings: Settings, made: Manifest) -> None:
    """Record a backup that was written whole. Raises Problem when the database does not answer."""
    async with opened(settings) as store, store.transaction() as session:
        taken_at = datetime.fromisoformat(made.taken_at)
        await upkeep.backed_up(session, len(made.files), taken_at, datetime.now(UTC))
