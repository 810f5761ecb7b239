"""Postings that stand for themselves: those that are made at the same time are written by one statement and one commit.

A posting that belongs to other rows is written in their transaction (`ledger.post`). One that does not, e.g. what a
statement's line or a rate of the day leads to, needs no session: it costs a part of one round trip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from database.repositories import ledger
from database.repositories.ledger import Step
from database.session import Database
from database.tables.columns import now
from domain.finance.ledger import require_balanced

AT_ONCE = 64  # Steps in one statement.
STATEMENTS = 2  # At the same time: while one waits for its commit, the next is written.
SQL = (
    "SELECT ledger_post($1::text[], $2::text[], $3::text[], $4::timestamptz, CAST($5 AS date[]), CAST($6 AS date[]), $7::text[],"
    " $8::bigint[], $9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::text[])"
)


class LonePostings:
    """Writes steps in groups. Nothing is written later than its call returns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Step, asyncio.Future[bool]]] = []
        self._writing: set[asyncio.Task[None]] = set()

    async def post(self, step: Step) -> bool:
        """Write the step once per key; return False when it was written before.

        Its day is that of an open month. Raises Unbalanced before anything is written, PostedDifferently when the key
        belongs to other postings, asyncpg's own error where the database refuses it (a sign, a closed month), and
        DatabaseUnavailable: then it may be written, and is safe to repeat.
        """
        require_balanced(step.postings)
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((step, done))
        if len(self._writing) < STATEMENTS:
            task = asyncio.create_task(self._write_waiting())
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
        if await done:
            return True
        async with self._database.transaction() as session:
            await ledger.require_same(session, step)
        return False

    async def _write_waiting(self) -> None:
        while group := self._next():
            await self._write(group)

    def _next(self) -> list[tuple[Step, asyncio.Future[bool]]]:
        """The steps that have waited longest, no key twice: a second one is judged once the first is written."""
        keys: set[str] = set()
        taken: list[tuple[Step, asyncio.Future[bool]]] = []
        left: list[tuple[Step, asyncio.Future[bool]]] = []
        for step, done in self._waiting:
            if len(taken) < AT_ONCE and step.key not in keys:
                keys.add(step.key)
                taken.append((step, done))
            else:
                left.append((step, done))
        self._waiting = left
        return taken

    async def _write(self, group: Sequence[tuple[Step, asyncio.Future[bool]]]) -> None:
        try:
            made = await self._statement([step for step, _ in group], now())
        except asyncpg.PostgresError as refused:
            if len(group) > 1:  # One of them may not be posted: which one is found by writing each for itself.
                for one in group:
                    await self._write([one])
                return
            _end(group, refused)
        except Exception as failed:  # noqa: BLE001  # Whatever it was, those who wait get it.
            _end(group, failed)
        else:
            for step, done in group:
                if not done.done():
                    done.set_result(step.key in made)

    async def _statement(self, steps: Sequence[Step], moment: datetime) -> frozenset[str]:
        row = await self._database.one(SQL, *ledger.values_of(steps, moment).values())
        return frozenset(() if row is None else row[0])


def _end(group: Sequence[tuple[Step, asyncio.Future[bool]]], failed: Exception) -> None:
    for _, done in group:
        if not done.done():
            done.set_exception(failed)
