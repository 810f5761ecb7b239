"""Shared steps of creating, resetting or ending a console account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import ConsoleSessionRow

NOBODYS_HASH = "-"  # No password has this hash, so it allows no sign-in.


async def end_sessions(session: AsyncSession, *which: ColumnElement[bool], now: datetime) -> None:
    """End the sessions of the console that meet these conditions and have not ended."""
    ended = update(ConsoleSessionRow).where(*which, ConsoleSessionRow.ended_at.is_(None)).values(ended_at=now)
    await session.execute(ended)


async def sign_out(session: AsyncSession, person: str, now: datetime, keep: str = "") -> None:
    """Sign a person out of every browser, but for the session with the id `keep`."""
    await end_sessions(session, ConsoleSessionRow.person_id == person, ConsoleSessionRow.id != keep, now=now)
