"""Whether the queue of tickets minds how many there are: the tail of reading its first page at 1,000,000 tickets ÷ at 1,000."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack
from statistics import median, quantiles

from benchmarks.queue_scale import reader, rounds
from benchmarks.queues import database_of, queue_server
from benchmarks.result import Result
from benchmarks.tickets import fill
from domain.support.tickets import TICKET
from domain.work.queue_filter import Wanted

GOAL = 1.3
MANY, MANY_SHORT, FEW = 1_000_000, 20_000, 1_000
READS, READS_SHORT = 3_000, 600


def measure(short: bool) -> list[Result]:
    """Reads of both pages in turn, one by one; the value is the ratio of their p99."""
    return asyncio.run(_measure(MANY_SHORT if short else MANY, READS_SHORT if short else READS))


async def _measure(many: int, reads: int) -> list[Result]:
    async with queue_server() as server, AsyncExitStack() as stack:
        places = {name: await stack.enter_async_context(database_of(server, name)) for name in ("long", "small")}
        began = time.perf_counter()
        await fill(places["long"], many)
        filled_s = time.perf_counter() - began
        await fill(places["small"], FEW)
        pages = {name: reader(place, None, Wanted(kind=TICKET)) for name, place in places.items()}
        await rounds(pages, 30)  # Warm.
        gc.collect()
        gc.freeze()  # A sweep over every module loaded would be the whole tail, and always of the same page.
        spent = await rounds(pages, reads)
        gc.unfreeze()
    tail = {name: quantiles(times, n=100)[98] for name, times in spent.items()}
    ratio = tail["long"] / tail["small"]
    details = {
        "tickets": many, "filled_s": round(filled_s, 1),
        "p99_ms": {name: round(1e3 * worst, 2) for name, worst in tail.items()},
        "median_ms": {name: round(1e3 * median(times), 2) for name, times in spent.items()},
    }  # fmt: skip
    return [Result("ticket_queue", ratio, f"<= {GOAL}", ratio <= GOAL, details)]
