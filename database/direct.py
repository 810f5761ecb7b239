"""Ask PostgreSQL one question over a connection of its own, with the driver alone.

For a program that asks once and must start quickly: SQLAlchemy and the tables take a second of a processor to load.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from database.statements import Statements


class NoAnswer(Exception):
    """The server could not be reached, or refused the statement."""


async def value(url: str, sql: str, *values: Any) -> Any:
    """Return the first column of the first row, None without a row; `url` as libpq or SQLAlchemy spells it, values are `$1` ….

    Raises NoAnswer.
    """
    statements = Statements(url.replace("postgresql+asyncpg:", "postgresql:", 1), 1)
    try:
        row = await statements.one(sql, *values)
        return None if row is None else row[0]
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # TimeoutError is an OSError.
        raise NoAnswer(str(error)) from error
    finally:
        await statements.close()
