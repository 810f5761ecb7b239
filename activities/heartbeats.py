"""Heartbeats of activities that another worker must take over quickly when theirs is killed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

EVERY_S = 1.5


@asynccontextmanager
async def beating(every_s: float = EVERY_S) -> AsyncIterator[None]:
    """Send a heartbeat every `every_s` seconds while the block runs; outside an activity nothing is sent."""
    if not activity.in_activity():
        yield
        return
    beat = asyncio.create_task(_beat(every_s))
    try:
        yield
    finally:
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beat


async def _beat(every_s: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(every_s)
