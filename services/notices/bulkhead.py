"""Deliveries beside each other: so many at once, so many per receiver, and the slowest holds up its own receiver only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any


class Bulkhead:
    """Runs deliveries as tasks; each counts against its receiver until it has ended."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: dict[asyncio.Task[None], str] = {}

    @property
    def free(self) -> int:
        """How many more may start now."""
        return max(0, self._at_once - len(self._running))

    @property
    def busy(self) -> Counter[str]:
        """How many run per receiver."""
        return Counter(self._running.values())

    def start(self, receiver: str, delivery: Coroutine[Any, Any, None]) -> None:
        """Start one delivery to this receiver."""
        self._running[asyncio.create_task(delivery)] = receiver

    async def settle(self, patience_s: float | None) -> None:
        """Wait until one delivery has ended, at most `patience_s` seconds; with None until all have.

        Raises the failure of one that has ended with an exception; the others continue.
        """
        if not self._running:
            return
        until = asyncio.ALL_COMPLETED if patience_s is None else asyncio.FIRST_COMPLETED
        await asyncio.wait(self._running, timeout=patience_s, return_when=until)
        ended = [task for task in self._running if task.done()]
        for task in ended:
            del self._running[task]
        for broken in [task.exception() for task in ended]:
            if broken is not None:
                raise broken
