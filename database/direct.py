"""Ask PostgreSQL one question over a connection of its own, with the driver alone.

For a program that asks once and must start quickly: SQLAlchemy and the tables take a second of a processor to load.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from database.statements import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S, SETTINGS


class NoAnswer(Exception):
    """The server could not be reached, or refused the statement."""


async def value(url: str, sql: str, *values: Any) -> Any:
    """Return the first column of the first row, None without a row; `url` as libpq or SQLAlchemy spells it, values are `$1` ….

    Raises NoAnswer.
    """
    try:
        plain = url.replace("postgresql+asyncpg:", "postgresql:", 1)
        connection = await asyncpg.connect(plain, timeout=CONNECT_TIMEOUT_S, server_settings=SETTINGS)
        try:
            return await connection.fetchval(sql, *values, timeout=ANSWER_TIMEOUT_S)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # TimeoutError is an OSError.
        raise NoAnswer(str(error)) from error
