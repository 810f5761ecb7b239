"""Webhooks and messages that have not arrived, by receiver, from the index of undelivered rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.outbox import PER_LANE
from domain.identifiers import moment_of

GIVEN_UP_SHOWN = timedelta(days=30)
# What is younger is on its way.
YOUNG = timedelta(seconds=30)
_RECEIVERS = """
WITH undelivered AS (
    SELECT id, CASE WHEN kind = ANY(:together) THEN kind ELSE destination END AS receiver, attempts, due_at, last_failure,
           false AS given_up
    FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL
    UNION ALL
    SELECT id, CASE WHEN kind = ANY(:together) THEN kind ELSE destination END, attempts, due_at, last_failure, true
    FROM outbox WHERE given_up_at > CAST(:shown_from AS timestamptz)
)
SELECT receiver, partner.name, count(*) FILTER (WHERE NOT given_up) AS waiting,
       count(*) FILTER (WHERE NOT given_up AND last_failure IS NOT NULL) AS failing,
       count(*) FILTER (WHERE given_up) AS given_up, min(undelivered.id) AS oldest,
       min(due_at) FILTER (WHERE NOT given_up) AS next_at,
       (array_agg(last_failure ORDER BY attempts DESC, undelivered.id) FILTER (WHERE last_failure IS NOT NULL))[1] AS failure
FROM undelivered LEFT JOIN partner ON receiver = 'partner:' || partner.id
GROUP BY receiver, partner.name
ORDER BY failing DESC, given_up DESC, waiting DESC, receiver
"""


@dataclass(frozen=True)
class Undelivered:
    """What one receiver has not got. `receiver` is `message` (the provider of short messages), `mail` (our mail server) or `partner:<id>`.

    `failing` of the `waiting` rows have been tried; `given_up` ones are not tried any more.
    """

    receiver: str
    name: str | None  # The partner's.
    waiting: int
    failing: int
    given_up: int
    oldest: datetime
    next_at: datetime | None
    failure: str | None

    def is_stuck(self, now: datetime) -> bool:
        """Return whether this is more than what is just on its way."""
        return bool(self.failing or self.given_up) or self.oldest < now - YOUNG


async def undelivered(session: AsyncSession, now: datetime) -> tuple[Undelivered, ...]:
    """Return every receiver with something undelivered, those that fail first."""
    values: dict[str, Any] = {"together": list(PER_LANE), "shown_from": now - GIVEN_UP_SHOWN}
    rows = (await session.execute(text(_RECEIVERS), values)).mappings()
    return tuple(
        Undelivered(
            row["receiver"], row["name"], row["waiting"], row["failing"], row["given_up"], moment_of(row["oldest"]),
            row["next_at"], row["failure"],
        )
        for row in rows
    )  # fmt: skip
