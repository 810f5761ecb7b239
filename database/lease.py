"""A lease in statements, as `domain.work.lease` says it: one person holds a row until a moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.sql.functions import Function

from database.tables.quality import BlindReviewRow
from database.tables.work import WorkItemRow

Leased = type[WorkItemRow] | type[BlindReviewRow]
NOBODY = {"leased_by": None, "leased_at": None, "leased_until": None}  # The columns of an item without a lease.


def lasts(row: Leased, moment: datetime | Function[datetime]) -> ColumnElement[bool]:
    """Return the condition that a lease lasts at this moment."""
    return row.leased_until > moment


def is_free(row: Leased, moment: datetime) -> ColumnElement[bool]:
    """Return the condition that no lease lasts at this moment."""
    return or_(row.leased_until.is_(None), row.leased_until <= moment)


def is_held_by(row: Leased, person: str, moment: datetime) -> ColumnElement[bool]:
    """Return the condition that this person (id) holds the row at this moment."""
    return and_(row.leased_by == person, lasts(row, moment))


def lasts_sql(row: str, moment: str = ":now") -> str:
    """Return `lasts` as SQL for statements written as text; `row` is a table's name or alias there."""
    return f"{row}.leased_until > {moment}"


def free_sql(row: str, moment: str = ":now") -> str:
    """Return `is_free` as SQL for statements written as text."""
    return f"{row}.leased_until IS NULL OR {row}.leased_until <= {moment}"
