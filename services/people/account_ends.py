"""Shared steps of creating, resetting or ending a console account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import ConsoleSessionRow

NOBODYS_HASH = "-"  # No password has it: nobody signs in by it.


async def end_sessions(session: AsyncSession, person: str, now: datetime) -> None:
    """Sign a person out of every browser."""
    open_ones = (ConsoleSessionRow.person_id == person, ConsoleSessionRow.ended_at.is_(None))
    await session.execute(update(ConsoleSessionRow).where(*open_ones).values(ended_at=now))
