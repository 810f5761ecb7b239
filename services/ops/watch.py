"""When each look at the running workflows last ended well: a page can say how old what it shows is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_WRITE = """
INSERT INTO run_watch (look, ended_at, found) VALUES (:look, :at, CAST(:found AS jsonb))
ON CONFLICT (look) DO UPDATE SET ended_at = excluded.ended_at, found = excluded.found
"""


class Look(StrEnum):
    """The kinds of look."""

    STUCK = "stuck"  # Which runs are stuck, by our own rows.
    QUEUES = "queues"  # Pollers and backlog of each task queue.
    CHECK = "check"  # A scheduled check of the invariants began.
    SWEEP = "sweep"  # Temporal's list of running workflows against our rows.
    RATES = "rates"  # Whether Temporal's server keeps the rate of a task queue.


async def ended(session: AsyncSession, look: Look, found: Mapping[str, object], at: datetime) -> None:
    """Record that a look ended well."""
    await session.execute(text(_WRITE), {"look": look.value, "at": at, "found": json.dumps(found)})
