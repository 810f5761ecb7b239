"""Find the task that a reviewer would get next, without assigning it."""

from __future__ import annotations

from datetime import datetime

from database.reads.work.queue_filter import conditions
from database.session import Database
from domain.work.queue_filter import Wanted
from services.work.claim import Claim, glimpse


async def next_card(database: Database, person: str, now: datetime, wanted: Wanted, but: str) -> str | None:
    """Return the card that "next" would open after the task `but`; None when there is none. Nothing is leased."""
    narrowed = wanted.for_next()
    which = tuple(conditions(narrowed, person, now)) if narrowed.narrowed else ()
    async with database.statement() as connection:
        return await glimpse(connection, Claim(person, now, now, None, wanted.kind, which), but)
