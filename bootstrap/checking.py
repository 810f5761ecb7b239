"""What must always hold, asked of an installation: its database, and whether Temporal and the gateway agree with it."""

from __future__ import annotations

from bootstrap import keys
from bootstrap.reconciling import differences
from bootstrap.settings import Settings
from bootstrap.store import opened
from database.invariants import Violation
from database.invariants import violations as broken


async def violations(settings: Settings, *, rows_only: bool = False) -> list[Violation]:
    """Everything that is broken; none when all is well. Raises Problem when the database does not answer.

    I12 compares the rows with Temporal's workflows and with the gateway's own list; `rows_only` leaves that out.
    """
    keyring = keys.load(settings).keyring
    async with opened(settings) as store, store.transaction() as session:
        found = await broken(session, keyring.evidence_public_key)
    if not rows_only:
        found += [Violation("I12", what) for what in await differences(settings)]
    return found
