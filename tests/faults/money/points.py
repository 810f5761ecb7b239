"""The places between two awaits at which an act is broken: after each statement, around each commit, around each call of the gateway.

Between two of them nothing of ours leaves the process: whatever breaks between them leaves the same behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from database.plain import OBSERVER
from domain.errors.base import Refusal

COMMITTED = "committed"


class Died(BaseException):
    """The process is gone: nothing can catch this and continue."""


class Broken(AssertionError):
    """Something does not hold that must."""


def require(wrong: Iterable[str]) -> None:
    """Raise Broken with what does not hold, where there is anything."""
    if lines := list(wrong):
        raise Broken("\n".join(lines))


class Break(StrEnum):
    """How an act is broken."""

    DIES = "dies"
    LOSES_DATABASE = "loses the database"


@dataclass(frozen=True)
class Fault:
    """Break an act when it has passed so many hundredths of its places."""

    percent: int
    how: Break

    def at(self, length: int) -> int:
        """Return the place, from 0, of an act that passes so many."""
        return self.percent * length // 100


@dataclass
class Act:
    """One act under way: what it passed so far, and its answers."""

    fault: Fault | None = None
    length: int = 10  # How many places it passes when nothing breaks, about.
    fresh: frozenset[str] = frozenset()  # Orders that nobody can have sent when it began.
    told_none: set[str] = field(default_factory=set)  # Orders that the gateway said during it that it does not have.
    passed: list[str] = field(default_factory=list)
    broken: bool = False
    stop: tuple[str, Break] | None = None  # Where it is broken, by the place's name, and how.
    pause: tuple[str, asyncio.Event, asyncio.Event] | None = None  # Where it stops, that it has, and that it may go on.

    def reach(self, place: str, lose: Callable[[], Exception] | None = None) -> None:
        """Note the place; break here if it is the chosen one. `lose` ends the connection that is used here, where one is."""
        if self is NOBODYS:
            return
        self.passed.append(place)
        how = self._how(place)
        if how is Break.DIES:
            self.broken = True
            raise Died(place)
        if how is Break.LOSES_DATABASE and lose is not None:
            self.broken = True
            raise lose()

    def _how(self, place: str) -> Break | None:
        """How it is broken here, if it is: by the n-th place that it passes, or by the name and number of one."""
        if self.fault is not None and self.fault.at(self.length) == len(self.passed) - 1:
            return self.fault.how
        if self.stop is not None and self.stop[0] == f"{place} {self.passed.count(place)}":
            return self.stop[1]
        return None

    async def arrive(self, place: str) -> None:
        """Do what `reach` does, and wait where another act is to overtake this one."""
        self.reach(place)
        if self.pause is not None and self.pause[0] == place:
            self.pause[1].set()
            await self.pause[2].wait()

    @property
    def commits(self) -> int:
        """Return how many transactions hold."""
        return self.passed.count(COMMITTED)


NOBODYS = Act()
ACT: ContextVar[Act] = ContextVar("act", default=NOBODYS)


@dataclass(frozen=True)
class Done:
    """What came of an act."""

    act: Act
    value: Any = None
    error: BaseException | None = None

    @property
    def kind(self) -> str:
        """Return the kind of its failure, empty where it did what it should."""
        return "" if self.error is None else str(getattr(self.error, "type", "") or type(self.error).__name__)


async def done(act: Act, work: Callable[[], Awaitable[Any]]) -> Done:
    """Do the work as this act."""
    token = ACT.set(act)
    try:
        return Done(act, await work())
    except (Exception, Died) as error:  # noqa: BLE001  # The machine judges it.
        return Done(act, None, error)
    finally:
        ACT.reset(token)


def judged(done: Done, overdraws: bool = False) -> Done:
    """Return it where it ended well, broke where it was to break, or failed with a word of ours; else raise Broken.

    `overdraws`: the database may refuse it as an overdraft.
    """
    foreseen = done.kind not in ("", "unforeseen") and (
        isinstance(done.error, Refusal) or bool(getattr(done.error, "type", ""))
    )
    refused = overdraws and done.kind in ("unforeseen", "IntegrityError")
    if done.error is not None and not (done.act.broken or foreseen or refused):
        require([f"an act failed without a word of ours: {done.error!r}"])
    return done


def watch(engine: AsyncEngine) -> None:
    """Have every act pass its places on this engine."""
    dialect: Any = engine.sync_engine.dialect
    commit = dialect.do_commit

    def lost(connection: Any) -> Exception:
        connection.driver_connection.terminate()
        error: Exception = dialect.loaded_dbapi.InterfaceError("connection is closed")
        return error

    def committing(connection: Any) -> None:
        ACT.get().reach("committing", lambda: lost(connection))
        commit(connection)
        ACT.get().reach(COMMITTED, lambda: lost(connection))

    def stated(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        ACT.get().reach(statement.split(maxsplit=1)[0].lower(), lambda: lost(connection.connection))

    def observed(record: Any) -> Callable[[str], None]:
        def lose() -> Exception:
            record.driver_connection.terminate()
            gone: Exception = asyncpg.InterfaceError("connection is closed")
            return gone

        return lambda what: ACT.get().reach(what.split(maxsplit=1)[0].lower(), lose)

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        record.info[OBSERVER] = observed(record)

    dialect.do_commit = committing
    event.listen(engine.sync_engine, "checkout", taken)
    event.listen(engine.sync_engine, "after_cursor_execute", stated)
