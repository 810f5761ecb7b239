"""Raw SQL inside of a transaction, by the driver alone: for code that maps no rows.

A statement costs a quarter of what it costs through SQLAlchemy, and a transaction around it as little.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import TableRow
from database.tracing import traced

DIALECT: Any = make_url("postgresql+asyncpg://").get_dialect()()


# The connection broke, or is no longer usable. What broke it without the driver's knowledge is said as the first of them.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
COMMITTING, COMMITTED = "committing", "committed"
# Under this name a connection of the pool may have a function that is called for each statement and commit as they are done.
OBSERVER = "cardloop_observer"
Observer = Callable[[str], None]


class Plain:
    """One transaction's connection of the driver; SQL is the driver's own, with values as `$1` …."""

    def __init__(self, connection: Any, observer: Observer | None = None) -> None:
        self.connection = connection
        self._observer = observer

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """Return all rows. Raises what the driver raises; of a connection that does not answer, InterfaceError."""
        try:
            with traced(sql):
                found: list[Any] = await self.connection.fetch(sql, *values)
        except OSError as error:  # TimeoutError is one.
            self.connection.terminate()
            raise asyncpg.InterfaceError("PostgreSQL did not answer in time") from error
        self.passed(sql)
        return found

    async def row(self, sql: str, *values: Any) -> Any | None:
        """Return the first row, None without one. Raises as `rows` does."""
        found = await self.rows(sql, *values)
        return found[0] if found else None

    async def value(self, sql: str, *values: Any) -> Any | None:
        """Return the first column of the first row, None without one. Raises as `rows` does."""
        found = await self.rows(sql, *values)
        return found[0][0] if found else None

    async def insert(self, row: TableRow, *generated: str) -> None:
        """Insert a row; `generated` columns are left to the database. Raises as `rows` does."""
        sql, columns = _insertion(type(row), generated)
        await self.rows(sql, *(bound(getattr(row, name)) for name, bound in columns))

    def passed(self, what: str) -> None:
        """Let the connection's observer know what was done."""
        if self._observer is not None:
            self._observer(what)


@cache
def _insertion(
    table: type[TableRow], generated: tuple[str, ...]
) -> tuple[str, tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """The statement that inserts a row, and its columns with what makes the driver's values of theirs."""
    columns = [one for one in table.__table__.columns if one.name not in generated]
    names, places = ", ".join(one.name for one in columns), ", ".join(f"${n + 1}" for n in range(len(columns)))
    bound = tuple((one.name, one.type.dialect_impl(DIALECT).bind_processor(DIALECT) or _as_it_is) for one in columns)
    return f"INSERT INTO {table.__tablename__} ({names}) VALUES ({places})", bound  # noqa: S608  # Names of ours.


def _as_it_is(value: Any) -> Any:
    return value


@asynccontextmanager
async def begun(raw: Any) -> AsyncIterator[Plain]:
    """Begin a transaction on a connection of the pool, commit it at the end of the block, roll it back when that raises.

    Raises what the driver raises; a connection that is left in the middle of a statement is closed.
    """
    plain = _plain(raw)
    connection = plain.connection
    try:
        await connection.execute("BEGIN")
        yield plain
        plain.passed(COMMITTING)
        if await connection.execute("COMMIT") != "COMMIT":  # A failed statement was passed over: nothing was written.
            raise asyncpg.InFailedSQLTransactionError("a statement of this transaction had failed")
        plain.passed(COMMITTED)
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, LOST):
            await _rolled_back(connection)
        else:  # Cut off: the statement may still run.
            connection.terminate()
        raise


def _plain(raw: Any) -> Plain:
    return Plain(raw.driver_connection, raw.info.get(OBSERVER))


async def _rolled_back(connection: Any) -> None:
    if not connection.is_closed() and connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def plain_of(session: AsyncSession) -> Plain:
    """Return the way past SQLAlchemy into the session's own transaction, which has begun when this returns."""
    raw = await (await session.connection()).get_raw_connection()
    adapter: Any = raw.dbapi_connection
    if adapter._transaction is None:  # SQLAlchemy begins with its own first statement; there may have been none yet.
        await adapter._start_transaction()
    return _plain(raw)


async def past(way: AsyncSession | Plain, *, read: bool = False) -> Plain:
    """Return the way past SQLAlchemy: `way` itself, or the session's. What is to be `read` is written first where a session still keeps it to itself."""
    if isinstance(way, Plain):
        return way
    if read:
        await way.flush()
    return await plain_of(way)
