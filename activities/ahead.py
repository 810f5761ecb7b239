"""What a reviewer would be given next, found by the very statement that gives it out, and given to nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from activities.claiming import Claim, Front, tried
from database.reads.queue_filter import conditions
from database.session import Database
from database.tables.review import ReviewTaskRow
from domain.queue_filter import Wanted

_TASK: Any = ReviewTaskRow  # Attributes of models are columns in a statement.
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_NEVER = datetime(2200, 1, 1, tzinfo=UTC)
# Behind everything there is, and with no lease that lasts for ever: what is in one's hand already is not "next".
_PAST_WHAT_IS_HELD = Front(-1, _BEGINNING, "", _NEVER)


async def next_card(database: Database, person: str, now: datetime, wanted: Wanted, but: str) -> str | None:
    """The card that "next" would open after the task `but`; None when there is none. Nothing is leased.

    The claim is made and taken back in one transaction; whoever claims in that instant is given the one behind.
    """
    narrowed = wanted.for_next()
    which = (_TASK.id != but, *(conditions(narrowed, person, now) if narrowed.narrowed else ()))
    asked = Claim(person, now, now, None, which, _PAST_WHAT_IS_HELD)
    async with database.transaction() as session:
        found = await tried(await session.connection(), asked)
        card_id = None if found is None else found.card_id
        await session.rollback()
    return card_id
