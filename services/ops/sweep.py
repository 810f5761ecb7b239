"""Compare Temporal's list of running workflows with our rows, in both directions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.open_runs import OPEN_RUNS
from domain.ops.runs import RUN_TYPES, RunKind

# What moves at this moment differs for a little while: Temporal's list is behind, and a card ends before its workflow does.
SETTLED = timedelta(minutes=2)
CONFIRMED_MAX = 200  # Missing runs that one sweep asks about one by one; the next sweep asks about the others.
NAMED_MAX = 20  # So many ids of each kind are kept for the page.
_OURS = f"SELECT workflow_id FROM ({OPEN_RUNS}) AS run WHERE kind = :kind AND started_at < :settled"  # noqa: S608  # Our names.
_STILL_OPEN = f"""
SELECT workflow_id FROM ({OPEN_RUNS}) AS run WHERE kind = :kind AND subject = ANY(:subjects)
"""  # noqa: S608  # Names of our own.
_JUST_ENDED = {
    RunKind.CARD: "SELECT id FROM card WHERE id = ANY(:subjects) AND outcome IS NOT NULL AND since > :settled",
    RunKind.REPAIR: "SELECT id FROM repair WHERE id = ANY(:subjects) AND ended_at > :settled",
    RunKind.GOODWILL: "SELECT id FROM goodwill WHERE id = ANY(:subjects) AND ended_at > :settled",
    RunKind.TICKET: "SELECT id FROM ticket WHERE id = ANY(:subjects) AND closed_at > :settled",
    RunKind.SETTLEMENT: """
        SELECT counterparty_id || ':' || period FROM settlement_run
        WHERE counterparty_id || ':' || period = ANY(:subjects) AND closed_at > :settled
    """,
}


@dataclass(frozen=True)
class Drift:
    """What does not agree: runs that are open here and not in Temporal's list, and the reverse."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


async def drift(session: AsyncSession, kind: RunKind, listed: Collection[str], now: datetime) -> Drift:
    """Compare one type's running workflow ids with the open rows. The list may be behind: confirm what is missing."""
    settled = now - SETTLED
    ours = set((await session.execute(text(_OURS), {"kind": kind.value, "settled": settled})).scalars())
    prefix = RUN_TYPES[kind].prefix
    extra = [workflow_id.removeprefix(prefix) for workflow_id in set(listed) - ours]
    values = {"kind": kind.value, "subjects": extra, "settled": settled}
    known = set((await session.execute(text(_STILL_OPEN), values)).scalars())
    ending = {prefix + one for one in (await session.execute(text(_JUST_ENDED[kind]), values)).scalars()}
    unexpected = {prefix + one for one in extra} - known - ending
    return Drift(tuple(sorted(ours - set(listed))), tuple(sorted(unexpected)))


class Ended:
    """The runs that are open here and ended in Temporal. Each sweep asks about some; those not confirmed yet come first."""

    def __init__(self, at_once: int = CONFIRMED_MAX) -> None:
        self._at_once = at_once
        self._confirmed: set[str] = set()

    async def among(self, missing: Sequence[str], gone: Callable[[str], Awaitable[bool]]) -> list[str]:
        """Return the missing runs that are confirmed to have ended; `gone` asks Temporal about one."""
        asked = sorted(missing, key=lambda run: (run in self._confirmed, run))[: self._at_once]
        self._confirmed.difference_update(asked)
        self._confirmed.update([run for run in asked if await gone(run)])
        return [run for run in missing if run in self._confirmed]
