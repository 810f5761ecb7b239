"""Insert a row unless its key exists: the statement by which repeated and concurrent calls become one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import literal
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import TableRow


async def insert_once(
    session: AsyncSession, row: TableRow, *unique: str, generated: tuple[str, ...] = (), computed: Mapping[str, Any] | None = None
) -> bool:  # fmt: skip
    """Insert the row unless one with the same `unique` columns (any unique key, when none are named) exists.

    Return whether this call inserted it. A transaction that inserts the same key at the same time is waited for.
    `generated` columns are left to the database; those of `computed` are set by SQL expressions.
    """
    table = type(row)
    statement = insert(table).values(row.values(*generated) | dict(computed or {}))
    once = statement.on_conflict_do_nothing(index_elements=list(unique) or None).returning(literal(1))
    return (await session.execute(once)).scalar_one_or_none() is not None
