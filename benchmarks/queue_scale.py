"""Whether the queue page minds how long the queue is, or how far down it one reads: the tail of its read at 1,000,000 tasks ÷ at 1,000."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any

from sqlalchemy import event, select

from benchmarks.queues import queue_of, queue_server
from benchmarks.result import Result
from database.reads.work.queue import PAGE, Place, QueuePage, counts, queue
from database.session import Database
from database.tables.work import WorkItemRow
from domain.work.queue_filter import QueueSort, Wanted

GOAL_LENGTH, GOAL_DEPTH = 1.3, 1.2
MANY, MANY_SHORT, FEW = 1_000_000, 20_000, 1_000
DEEP, DEEP_SHORT = 10_000, 500  # The page that is read far down.
READS, READS_SHORT = 3_000, 400
ME = "person1"
EVERYTHING = Wanted()
Read = Callable[[], Awaitable[QueuePage]]


def measure(short: bool) -> list[Result]:
    """Reads of the three pages in turn, one by one; each value is the ratio of their p99."""
    return asyncio.run(
        _measure(MANY_SHORT if short else MANY, DEEP_SHORT if short else DEEP, READS_SHORT if short else READS)
    )


async def _measure(many: int, deep: int, reads: int) -> list[Result]:
    async with queue_server() as server, AsyncExitStack() as stack:
        began = time.perf_counter()
        long = await stack.enter_async_context(queue_of(server, "long", many, 8))
        filled_s = time.perf_counter() - began
        small = await stack.enter_async_context(queue_of(server, "small", FEW, 8))
        place = await _place(long, (deep - 1) * PAGE)
        pages = {"long": reader(long, None), "small": reader(small, None), "deep": reader(long, place)}
        statements = {name: await _statements(one, pages[name]) for name, one in (("long", long), ("small", small))}
        statements["deep"] = await _statements(long, pages["deep"])
        await rounds(pages, 30)  # Warm.
        gc.collect()
        gc.freeze()  # A sweep over every module loaded would be the whole tail, and always of the same page.
        spent = await rounds(pages, reads)
        gc.unfreeze()
        counting = {name: await _counting_ms(one) for name, one in (("long", long), ("small", small))}
    tail = {name: quantiles(times, n=100)[98] for name, times in spent.items()}
    length, depth = tail["long"] / tail["small"], tail["deep"] / tail["long"]
    details = {
        "tasks": many, "page": deep, "filled_s": round(filled_s, 1), "statements": statements,
        "p99_ms": {name: round(1e3 * worst, 2) for name, worst in tail.items()},
        "median_ms": {name: round(1e3 * median(times), 2) for name, times in spent.items()},
        "counts_ms": counting,
    }  # fmt: skip
    same = len(set(statements.values())) == 1
    return [
        Result("queue_scale", length, f"<= {GOAL_LENGTH}", length <= GOAL_LENGTH, details),
        Result("queue_scale_deep", depth, f"<= {GOAL_DEPTH}", depth <= GOAL_DEPTH, details),
        Result("queue_scale_statements", max(statements.values()), "constant", same, details),
    ]


def reader(database: Database, after: Place | None, wanted: Wanted = EVERYTHING) -> Read:
    """Return a read of one page of the queue."""

    async def read() -> QueuePage:
        async with database.transaction() as session:
            page = await queue(session, wanted, after, ME, datetime.now(UTC))
        assert len(page.entries) == PAGE
        return page

    return read


async def rounds(pages: dict[str, Read], reads: int) -> dict[str, list[float]]:
    """How long each read took, in seconds. The pages are read in turn and in any order: what disturbs one disturbs all."""
    spent: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(reads):
        for name, read in random.sample(list(pages.items()), len(pages)):
            began = time.perf_counter()
            await read()
            spent[name].append(time.perf_counter() - began)
    return spent


async def _place(database: Database, behind: int) -> Place:
    """Where the page ends that has so many tasks before it and itself; walked once; no person reads it."""
    order = (WorkItemRow.band, WorkItemRow.order_at, WorkItemRow.id)
    async with database.transaction() as session:
        found = select(*order).where(WorkItemRow.closed_at.is_(None)).order_by(*order).offset(behind - 1).limit(1)
        return Place(QueueSort.QUEUE, tuple((await session.execute(found)).one()))


async def _statements(database: Database, read: Read) -> int:
    """How many statements one page takes."""
    seen: list[str] = []

    def note(*args: Any) -> None:
        seen.append(args[2])

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await read()
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return len(seen)


async def _counting_ms(database: Database) -> float:
    """The counts beside the page, which read at most 10,001 tasks each: bounded, and not part of the ratio."""
    spent = []
    for _ in range(10):
        began = time.perf_counter()
        async with database.transaction() as session:
            await counts(session, Wanted(), ME, datetime.now(UTC))
        spent.append(time.perf_counter() - began)
    return round(1e3 * median(spent), 2)
