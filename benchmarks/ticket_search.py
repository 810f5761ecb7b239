"""How long a search over tickets takes: its p99 at 1,000,000 tickets ÷ that of one ticket read by its key.

Common, middling, rare and absent words in both languages, each search for a page of the newest matches. The size of the
index is reported beside it, in bytes of the index ÷ bytes of the text.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from statistics import median, quantiles

from sqlalchemy import select, text

from benchmarks.queues import database_of, queue_server
from benchmarks.result import Result
from benchmarks.tickets import fill, words_sought
from database.reads.support.search import Sought, matches
from database.reads.support.tickets import lines
from database.session import Database
from database.tables.support.tickets import TicketRow
from domain.support.grams import terms
from services.support.search import PAGE

GOAL, GOAL_BYTES = 5, 2
MANY, MANY_SHORT = 1_000_000, 40_000
READS, READS_SHORT = 2_400, 600
_BYTES = "SELECT pg_relation_size('ticket_search_by_gram'), pg_table_size('ticket_search'), sum(octet_length(folded)) FROM ticket_search"


def measure(short: bool) -> list[Result]:
    """Return the ratio of the tails, measured in turn, and the ratio of bytes."""
    return asyncio.run(_measure(MANY_SHORT if short else MANY, READS_SHORT if short else READS))


async def _measure(many: int, reads: int) -> list[Result]:
    async with queue_server() as server, database_of(server, "search") as database:
        began = time.perf_counter()
        await fill(database, many)
        filled_s = time.perf_counter() - began
        async with database.transaction() as session:
            index, table, words = (await session.execute(text(_BYTES))).one()
            ids = list((await session.execute(select(TicketRow.id).limit(5_000))).scalars())
        sought = words_sought(reads)
        for word in sought[:100]:  # Warm.
            await _searched(database, word)
            await _bare(database, ids[0])
        found: dict[str, list[float]] = {"search": [], "bare": []}
        hits = []
        gc.collect()
        gc.freeze()  # A sweep over every module loaded would be the whole tail.
        for word in sought:
            began = time.perf_counter()
            hits.append(await _searched(database, word))
            between = time.perf_counter()
            await _bare(database, random.choice(ids))
            found["search"].append(between - began)
            found["bare"].append(time.perf_counter() - between)
        gc.unfreeze()
    tail = {name: quantiles(times, n=100)[98] for name, times in found.items()}
    ratio, of_text = tail["search"] / tail["bare"], index / words
    details = {
        "tickets": many, "filled_s": round(filled_s, 1), "index_mb": index >> 20, "table_mb": table >> 20, "text_mb": words >> 20,
        "p99_ms": {name: round(1e3 * worst, 2) for name, worst in tail.items()},
        "median_ms": {name: round(1e3 * median(times), 2) for name, times in found.items()},
        "median_ratio": round(median(found["search"]) / median(found["bare"]), 2),
        "by_kind_median_ms": _by_kind(found["search"]), "found_nothing": hits.count(0),
    }  # fmt: skip
    return [
        Result("ticket_search", ratio, f"<= {GOAL}", ratio <= GOAL, details),
        Result("ticket_search_bytes", of_text, f"<= {GOAL_BYTES}", of_text <= GOAL_BYTES, details),
    ]


async def _searched(database: Database, word: str) -> int:
    async with database.transaction() as session:
        found = await matches(session, Sought(parts=terms(word)), PAGE + 1)
        return len(await lines(session, found[:PAGE]))


async def _bare(database: Database, ticket_id: str) -> None:
    async with database.transaction() as session:
        assert await session.get(TicketRow, ticket_id) is not None


def _by_kind(times: list[float]) -> dict[str, float]:
    kinds = ("english", "chinese", "middling", "rare", "absent", "two english", "two chinese", "chinese and middling")
    return {kind: round(1e3 * median(times[at :: len(kinds)]), 2) for at, kind in enumerate(kinds)}
