"""Windows of maintenance move on by themselves: drained, held, and resumed by degrees, each step kept once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire, try_acquire
from database.session import Database
from database.tables.ops.providers import ProviderWindowRow
from domain.ops.calls import SLOT, slot_of
from domain.ops.maintenance import OPEN, Observed, Window, rate_of, stepped
from domain.ops.providers import MESSAGES
from services.ops.maintenance import note_step, window_of

MACHINE = "machine"
FRESH = timedelta(seconds=10)  # What a process said of its running calls longer ago says nothing: it may be gone.
_RUNNING = """
SELECT coalesce(sum(running), 0) FROM provider_running
WHERE provider = :provider AND (:brand = '' OR brand = :brand) AND at > CAST(:fresh AS timestamptz)
"""
_CALLS = """
SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(failed), 0) AS failed FROM provider_slot
WHERE provider = :provider AND (:brand = '' OR brand = :brand) AND at >= CAST(:since AS timestamptz)
"""

Limit = Callable[[Sequence[Window]], Awaitable[None]]


class WindowSteps:
    """Takes the steps that are due; safe to run in several processes.

    `limit` is given every open window, and those that close in this look, and makes their providers' rates what they want;
    it is called at each look. A step is kept only after its rate holds, so that a process that dies in between repeats it.
    """

    def __init__(
        self, database: Database, limit: Limit, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._limit = limit
        self._now = now

    async def step(self) -> int:
        """Look at every open window; return how many moved. Raises DatabaseUnavailable, and what `limit` raises."""
        async with self._database.transaction() as session:
            if not await try_acquire(session, AdvisoryLock.MAINTENANCE_STEPS):
                return 0
            await acquire(session, AdvisoryLock.MAINTENANCE)  # No person changes one at the same moment.
            moved, rows = 0, await _rows(session)
            for row in rows:
                found = stepped(window_of(row), await observed(session, window_of(row), self._now()), self._now())
                if found is not None:
                    note_step(session, row, found.window, found.why, MACHINE)
                    moved += 1
            await self._limit([window_of(row) for row in rows])
            return moved


async def observed(session: AsyncSession, window: Window, now: datetime) -> Observed:
    """Return what is seen of the window's provider since its state began; only whole slots of calls count."""
    whom = {"provider": window.provider, "brand": window.brand}
    running = await session.execute(text(_RUNNING), {**whom, "fresh": now - FRESH})
    calls = (await session.execute(text(_CALLS), {**whom, "since": window.since})).one()
    return Observed(int(running.scalar_one()), int(calls.calls), int(calls.failed))


class MessageAllowance:
    """How many text messages may be sent now: none, some, or as many as usual, over all processes that send them."""

    def __init__(self, usual_per_s: float, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._usual_per_s = usual_per_s
        self._now = now

    async def left(self, session: AsyncSession) -> int | None:
        """Return the number for this moment; None: no limit. Counts what went out in this slot and the one before."""
        rates = [
            rate_of(window_of(row), self._usual_per_s) for row in await _rows(session) if row.provider == MESSAGES.id
        ]
        limited = [rate for rate in rates if rate is not None]
        if not limited:
            return None
        since = slot_of(self._now()) - SLOT
        sent = await session.execute(text(_CALLS), {"provider": MESSAGES.id, "brand": "", "since": since})
        passed_s = (self._now() - since).total_seconds()
        return max(0, int(min(limited) * passed_s) - int(sent.one().calls))


async def _rows(session: AsyncSession) -> Sequence[ProviderWindowRow]:
    open_ones = select(ProviderWindowRow).where(ProviderWindowRow.state.in_(OPEN))
    return (await session.execute(open_ones.order_by(ProviderWindowRow.id))).scalars().all()
