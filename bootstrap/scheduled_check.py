"""Check from time to time what must always hold: in a process of its own, so that no card waits for it, and for a bounded time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from bootstrap.settings import PROJECT_ROOT
from database.session import Database
from services.ops import upkeep

EVERY = timedelta(hours=6)
LOOK_S = 300.0
AT_MOST_S = 1800.0
SETTLING_S = 600.0  # A process that has just started has other work.
COMMAND = (sys.executable, "-m", "cli", "check")  # It records what it found.
_log = structlog.get_logger("check")


class ScheduledCheck:
    """Runs the check when none has ended for `EVERY`; safe to run in several processes."""

    def __init__(self, store: Database, command: Sequence[str] = COMMAND, settling_s: float = SETTLING_S) -> None:
        self._store = store
        self._command = command
        self._ready_s = time.monotonic() + settling_s
        self._running: asyncio.Task[None] | None = None

    async def look(self) -> int:
        """Begin the check if it is due, without waiting for its end; return 1 when it began, else 0. Raises DatabaseUnavailable."""
        if time.monotonic() < self._ready_s or (self._running is not None and not self._running.done()):
            return 0
        async with self._store.transaction() as session:
            due = await upkeep.claim_check(session, EVERY, timedelta(seconds=AT_MOST_S), datetime.now(UTC))
        if due:
            self._running = asyncio.create_task(self._run(), name="check")
        return int(due)

    async def ended(self) -> None:
        """Wait until the check that was begun has ended."""
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        silent = asyncio.subprocess.DEVNULL
        running = await asyncio.create_subprocess_exec(*self._command, cwd=PROJECT_ROOT, stdout=silent, stderr=silent)
        try:
            status = await asyncio.wait_for(running.wait(), AT_MOST_S)
            _log.info("check_ended", status=status)
        except TimeoutError:
            _log.error("check_took_too_long", seconds=AT_MOST_S)
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()
