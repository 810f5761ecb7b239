"""Break off what a card does at the moment, for a wish that comes in between."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from temporalio.exceptions import ActivityError

from workflows.progress import JourneyEnded


async def break_off(going: asyncio.Task[Any]) -> None:
    """Cancel the task with every activity that it waits for, and return when it is over; what became of it counts no more."""
    going.cancel()
    with suppress(asyncio.CancelledError, ActivityError, JourneyEnded):
        await going
