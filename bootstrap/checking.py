"""What must always hold, asked of an installation: its database, and whether Temporal, the gateway and the clocks agree."""

from __future__ import annotations

from datetime import UTC, datetime

from bootstrap import clock, keys
from bootstrap.reconciling import differences
from bootstrap.settings import Settings
from bootstrap.store import opened
from database.invariants import Violation
from database.invariants import violations as broken
from services.ops import upkeep
from services.policies.reading import PolicyReader


async def violations(settings: Settings, *, rows_only: bool = False) -> list[Violation]:
    """Everything that is broken; none when all is well. Raises Problem when the database does not answer.

    I12 compares the rows with Temporal's workflows and with the gateway's own list; `rows_only` leaves that out. A whole
    check is recorded with what it found.
    """
    began = datetime.now(UTC)
    keyring = keys.load(settings).keyring
    async with opened(settings) as store:
        off_s = {"database": await clock.off_database_s(store), "payment gateway": await clock.off_gateway_s(settings)}
        await PolicyReader(store).refresh()
        async with store.transaction() as session:
            found = await broken(session, keyring.evidence_public_key)
    found += [_off(whose, seconds) for whose, seconds in off_s.items() if seconds and _is_far(seconds)]
    if not rows_only:
        found += [Violation("I12", what) for what in await differences(settings)]
        async with opened(settings) as store, store.transaction() as session:
            await upkeep.checked(session, [(one.invariant, one.what) for one in found], began, datetime.now(UTC))
    return found


def _is_far(seconds: float) -> bool:
    return abs(seconds) > clock.OFF_S_MAX


def _off(whose: str, seconds: float) -> Violation:
    where = "ahead of" if seconds > 0 else "behind"
    return Violation("CLOCK", f"this machine's clock is {abs(seconds):.0f} seconds {where} the {whose}'s")
