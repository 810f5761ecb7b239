"""What must always hold, asked of an installation: its database, and whether Temporal, the gateway and the clocks agree."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from bootstrap import clock, keys
from bootstrap.reconciling import differences
from bootstrap.settings import Settings
from bootstrap.store import opened
from database.invariants import Look, Result, Violation, check
from database.invariants import found as broken
from services.ops import upkeep
from services.ops.invariants import keep
from services.policies.reading import PolicyReader

WITHIN = timedelta(minutes=10)  # One statement; the whole check is bounded by who starts it.


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
        results = await check(store, Look(keyring.evidence_public_key), WITHIN)
    far = [_off(whose, seconds) for whose, seconds in off_s.items() if seconds and _is_far(seconds)]
    results.append(Result("CLOCK", "clocks_agree", True, tuple(far), 0, datetime.now(UTC)))
    if not rows_only:
        asked = time.perf_counter()
        outside = await differences(settings)
        took = int((time.perf_counter() - asked) * 1000)
        results.append(Result("I12", "outside_agrees", True, tuple(outside), took, datetime.now(UTC)))
    found = broken(results)
    if not rows_only:
        async with opened(settings) as store, store.transaction() as session:
            await keep(session, results)
            await upkeep.checked(session, [(one.invariant, one.what) for one in found], began, datetime.now(UTC))
    return found


def _is_far(seconds: float) -> bool:
    return abs(seconds) > clock.OFF_S_MAX


def _off(whose: str, seconds: float) -> str:
    where = "ahead of" if seconds > 0 else "behind"
    return f"this machine's clock is {abs(seconds):.0f} seconds {where} the {whose}'s"
