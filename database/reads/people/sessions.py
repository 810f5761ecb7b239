"""Which sessions of the console are open."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, true

from database.tables.people import ConsoleSessionRow


def is_open(moment: datetime, idle: timedelta | None = None) -> ColumnElement[bool]:
    """Return the condition that a session is neither ended nor over, nor unused for `idle` where that is given."""
    used = true() if idle is None else ConsoleSessionRow.seen_at > moment - idle
    return and_(ConsoleSessionRow.ended_at.is_(None), ConsoleSessionRow.expires_at > moment, used)
