"""The way to PostgreSQL: a pool of connections and one transaction per activity or request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from database.plain import LOST, Plain, begun
from database.statements import Statements
from database.tracing import traced

POOL_WAIT_S = 10
CONNECT_TIMEOUT_S = 5
DRAIN_S = 5
COMMAND_TIMEOUT_S = 60.0  # Of one statement, as seen from here: a connection may go silent without closing.
PREPARED_STATEMENTS = 500  # Per connection; more than the product has, so that none is ever parsed twice.

# SQLSTATEs after which the same transaction, tried again, may well succeed.
TRANSIENT = {
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available",
    "57P01": "administrator shut the server down",
    "57P02": "server crashed",
    "57P03": "server is starting up",
}


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached, went away, or asks to try again: retry the whole transaction, nothing of it is known to hold.

    When it broke during the commit, the commit may have happened: every transaction of ours is safe to repeat.
    """


class Database:
    """A pool of connections to one PostgreSQL; `url` is `postgresql://…`, `pool_size` the most connections held."""

    def __init__(self, url: str, *, pool_size: int = 10, command_timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        self.engine = engine(url, pool_size=pool_size, command_timeout_s=command_timeout_s)
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")  # The same pool.
        self._statements = Statements(make_url(url).set(drivername="postgresql").render_as_string(False), pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._readings = async_sessionmaker(self._single, expire_on_commit=False, autoflush=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when it raises.

        Raises DatabaseUnavailable when the server cannot be reached or the transaction is worth a second try.
        """
        async with self._sessions() as session:
            await _connect(session)
            try:
                yield session
                await session.commit()
            except DBAPIError as error:
                raise _judged(error) from error
            except (
                *LOST,
                asyncpg.PostgresError,
            ) as error:  # Of a statement past SQLAlchemy, which knows nothing of it.
                judged = _judged(error)
                if isinstance(judged, DatabaseUnavailable):
                    await session.invalidate()
                raise judged from error

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[Plain]:
        """One transaction of raw SQL, as `transaction` but past SQLAlchemy: for code that maps no rows. It has the same connections.

        Raises DatabaseUnavailable as `transaction` does, and otherwise the driver's own errors.
        """
        try:
            raw = await self.engine.raw_connection()
        except (OSError, PoolExhausted, asyncpg.PostgresConnectionError) as error:  # TimeoutError is an OSError.
            raise DatabaseUnavailable("PostgreSQL cannot be reached") from error
        except (DBAPIError, asyncpg.PostgresError) as error:
            raise _judged(error) from error
        try:
            async with begun(raw) as plain:
                yield plain
        except (*LOST, DBAPIError, asyncpg.PostgresError) as error:
            raise _judged(error) from error
        finally:
            raw.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that only reads: each statement is its own transaction, so that a read costs no round trip to begin and to end.

        For reads that lock nothing and need no moment in common, which no transaction of ours gives them either. What is
        changed in it is never written. Raises DatabaseUnavailable as `transaction` does.
        """
        async with self._readings() as session:
            await _connect(session)
            try:
                yield session
            except DBAPIError as error:
                raise _judged(error) from error

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection on which each statement is a transaction of its own: for a single statement.

        It costs one round trip where a transaction costs three. Raises DatabaseUnavailable as `transaction` does.
        """
        try:
            async with self._single.connect() as connection:
                yield connection
        except (OSError, TimeoutError, PoolExhausted, asyncpg.PostgresConnectionError) as error:
            raise DatabaseUnavailable("PostgreSQL cannot be reached") from error
        except (DBAPIError, asyncpg.PostgresError) as error:
            raise _judged(error) from error

    async def one(self, sql: str, *values: Any) -> Any | None:
        """Return the first row of the driver's own SQL (`$1` …), a transaction of its own; None without a row.

        For the few statements that must be quick. Raises DatabaseUnavailable as `transaction` does.
        """
        try:
            with traced(sql):
                return await self._statements.one(sql, *values)
        except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable("PostgreSQL cannot be reached") from error
        except asyncpg.PostgresError as error:
            raise _judged(error) from error

    async def dispose(self) -> None:
        """Closes every connection; those in use have DRAIN_S to come back, since the pool forgets them afterwards."""
        await self._statements.close()
        for _ in range(DRAIN_S * 100):
            if not self.engine.pool.checkedout():  # type: ignore[attr-defined]
                break
            await asyncio.sleep(0.01)
        await self.engine.dispose()


def engine(url: str, *, pool_size: int = 10, command_timeout_s: float = COMMAND_TIMEOUT_S) -> AsyncEngine:
    """Return an engine on asyncpg whose pool discards closed connections, and ends statements that take too long."""
    made = create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # The text of a failed statement goes into logs and histories; its values must not.
        pool_timeout=POOL_WAIT_S,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": command_timeout_s,
            "prepared_statement_cache_size": PREPARED_STATEMENTS,
            # Our statements are short: compiling them to machine code costs more than it saves.
            "server_settings": {"jit": "off", "application_name": "cardloop"},
        },
    )
    event.listen(made.sync_engine, "checkout", _refuse_closed)
    event.listen(made.sync_engine, "handle_error", _discard_silent)
    return made


def async_url(url: str) -> URL:
    """Return the address for asyncpg, which spells libpq's `sslmode` as `ssl`."""
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    query = dict(parsed.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return parsed.set(query=query)


async def _connect(session: AsyncSession) -> None:
    try:
        await session.connection()
    except (
        OSError,
        TimeoutError,
        PoolExhausted,
        asyncpg.PostgresConnectionError,
        asyncpg.CannotConnectNowError,
    ) as error:
        raise DatabaseUnavailable("PostgreSQL cannot be reached") from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        raise _judged(error) from error


def _judged(error: Exception) -> Exception:
    """The error itself, or DatabaseUnavailable when another try makes sense."""
    if isinstance(error, LOST):
        return DatabaseUnavailable("the connection was lost")
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None))
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or state in TRANSIENT or state.startswith("08"):
        return DatabaseUnavailable(TRANSIENT.get(state, "the connection was lost"))
    return error


def _discard_silent(context: ExceptionContext) -> DatabaseUnavailable | None:
    """Close a connection whose statement timed out: it may be dead, and even a rollback on it could wait without end."""
    if not isinstance(context.original_exception, TimeoutError):
        return None
    context.is_disconnect, context.invalidate_pool_on_disconnect = True, False
    return DatabaseUnavailable("PostgreSQL did not answer in time")


def _refuse_closed(connection: Any, record: object, proxy: object) -> None:  # noqa: ARG001
    """asyncpg notices automatically when the server hangs up; such a connection is replaced before anyone uses it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
