"""How many photos wait to be read, and about how long that takes: counted from the cards themselves, no queue beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops import workers

QUEUE = ("reading", "activity")
LATEST = 50  # Readings whose middle duration says how long the next one takes.
# A photo waits from its submission until its reading is kept. Cards are read in the order in which they began to wait.
WAITING = """
SELECT count(*) FILTER (WHERE (card.since, card.id) < (mine.since, mine.id)) AS ahead, count(*) FILTER (WHERE card.id = mine.id) AS own, count(*) AS every
FROM card
JOIN photo ON photo.card_id = card.id AND photo.current
LEFT JOIN card AS mine ON mine.id = :card_id
WHERE card.outcome IS NULL AND card.waiting_for = 'machine' AND card.stage IN ('intake', 'reading')
  AND NOT EXISTS (SELECT FROM reading WHERE reading.card_id = card.id AND reading.photo_id = photo.id)
"""
MIDDLE = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) / 1000.0
FROM (SELECT duration_ms FROM reading ORDER BY id DESC LIMIT :latest) AS newest
"""


@dataclass(frozen=True)
class ReadingWait:
    """`photos` that are read before; `seconds` is None where no reader runs, or none has read anything yet."""

    photos: int
    seconds: int | None


async def of_card(session: AsyncSession, card_id: str, now: datetime) -> ReadingWait | None:
    """Return the wait of a card whose photos are to be read, its own reading counted in the time; None for any other card."""
    found = (await session.execute(text(WAITING), {"card_id": card_id})).one()
    return await _wait(session, found.ahead, found.ahead + found.own, now) if found.own else None


async def of_all(session: AsyncSession, now: datetime) -> ReadingWait:
    """Return every photo that waits, and how long until the last of them is read."""
    found = (await session.execute(text(WAITING), {"card_id": ""})).one()
    return await _wait(session, found.every, found.every, now)


async def _wait(session: AsyncSession, shown: int, until: int, now: datetime) -> ReadingWait:
    middle = (await session.execute(text(MIDDLE), {"latest": LATEST})).scalar_one()
    slots = workers.slots(await workers.processes(session, now)).get(QUEUE, workers.QueueSlots()).slots
    return ReadingWait(shown, math.ceil(until * float(middle) / slots) if slots and middle else None)
