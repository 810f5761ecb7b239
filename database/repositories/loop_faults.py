"""One fault in a background loop: report its kind and place, set its work aside, and continue with the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import set_aside
from database.session import Database, DatabaseUnavailable
from domain.errors.faults import kind_and_place
from domain.errors.general import TemporarilyUnavailable

_log = structlog.get_logger("loops")


@asynccontextmanager
async def apart(database: Database, loop: str, subject: str) -> AsyncIterator[None]:
    """Run one piece of a loop's work so that its failure ends neither the batch nor the loop.

    What fails is set aside with its reason (`set_aside.left_out` keeps it out of the next looks); what succeeds is no
    longer set aside. DatabaseUnavailable and TemporarilyUnavailable pass, because they concern every piece alike.
    """
    try:
        yield
    except (DatabaseUnavailable, TemporarilyUnavailable):
        raise
    except Exception as error:  # noqa: BLE001  # One row's fault must not stop the work on all the others.
        reason = _said(error, loop, subject)
        async with database.transaction() as session:
            await set_aside.put(session, loop, subject, reason, datetime.now(UTC))
    else:
        async with database.statement() as connection:
            await set_aside.done(connection, loop, subject)


@asynccontextmanager
async def apart_within(session: AsyncSession, loop: str, subject: str) -> AsyncIterator[None]:
    """Do as `apart` for a piece of work within the caller's transaction: what fails is rolled back alone.

    What the database checks at the commit (sums, signs, closed months) is checked at the end of the block.
    """
    try:
        async with session.begin_nested():
            yield
            await session.flush()
            await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            await session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    except (DatabaseUnavailable, TemporarilyUnavailable):
        raise
    except Exception as error:  # noqa: BLE001  # As above.
        await set_aside.put(session, loop, subject, _said(error, loop, subject), datetime.now(UTC))
    else:
        await set_aside.done(session, loop, subject)


def _said(error: Exception, loop: str, subject: str) -> str:
    reason = kind_and_place(error)
    _log.error("work_set_aside", loop=loop, subject=subject, reason=reason)
    return reason
