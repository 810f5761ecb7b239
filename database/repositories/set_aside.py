"""Set aside what a loop cannot do, with its reason, and keep it out of the loop's next looks for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from database.tables.platform import SetAsideRow

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(hours=1)  # Much that fails once is only early.
DOUBLINGS_MAX = 12  # A second doubled twelve times is above the hour.


async def put(session: AsyncSession, loop: str, subject: str, reason: str, now: datetime) -> None:
    """Set the subject aside: a second at first, twice as long after each further failure, an hour at most."""
    fresh = {
        "loop": loop,
        "subject": subject,
        "reason": reason,
        "failures": 1,
        "since": now,
        "again_at": now + FIRST_WAIT,
    }
    wait = func.least(LONGEST_WAIT, FIRST_WAIT * func.power(2, func.least(SetAsideRow.failures, DOUBLINGS_MAX)))
    again = {"reason": reason, "failures": SetAsideRow.failures + 1, "again_at": now + wait}
    statement = insert(SetAsideRow).values(fresh)
    await session.execute(statement.on_conflict_do_update(index_elements=["loop", "subject"], set_=again))


async def done(connection: AsyncConnection | AsyncSession, loop: str, subject: str) -> None:
    """Forget the subject: the loop has done its work."""
    await connection.execute(delete(SetAsideRow).where(SetAsideRow.loop == loop, SetAsideRow.subject == subject))


def left_out(loop: str, subject: ColumnElement[str] | Any, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a loop's query uses to leave out what is set aside until later than `now`."""
    return exists(select(1).where(SetAsideRow.loop == loop, SetAsideRow.subject == subject, SetAsideRow.again_at > now))


async def listed(session: AsyncSession, limit: int = 100) -> tuple[SetAsideRow, ...]:
    """Return what is set aside, the longest first."""
    statement = select(SetAsideRow).order_by(SetAsideRow.since, SetAsideRow.loop, SetAsideRow.subject).limit(limit)
    return tuple((await session.execute(statement)).scalars())
