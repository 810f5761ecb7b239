"""What an old transaction does to claims: claims a second while one is held open, behind which nothing can be cleared away, ÷ without."""

from __future__ import annotations

import asyncio
from statistics import median

import asyncpg

from activities.leasing import Leasing
from benchmarks.claim import REVIEWERS, Shift
from benchmarks.queues import queue_of, queue_server, refill
from benchmarks.result import Result
from database.session import Database
from domain.sealing import KeyRing

GOAL = 0.9
CLAIMS, CLAIMS_SHORT = 8_000, 2_000  # In each half of a round; behind the old transaction all of them stay in the way.
ROUNDS, ROUNDS_SHORT = 3, 2


def measure(short: bool) -> list[Result]:
    """The same claims from the same full queue with and without, in turn; the value is the median of the rounds' ratios."""
    return asyncio.run(_measure(CLAIMS_SHORT if short else CLAIMS, ROUNDS_SHORT if short else ROUNDS))


async def _measure(claims: int, rounds: int) -> list[Result]:
    async with queue_server() as server:
        async with queue_of(server, "claim", claims + 1000, REVIEWERS) as database:
            url = server.url("claim").replace("+asyncpg", "")
            await _without(database, url, claims)  # Warm.
            pairs = [
                (await _behind_old(database, url, claims), await _without(database, url, claims)) for _ in range(rounds)
            ]
    ratio = median(behind / without for behind, without in pairs)
    details = {
        "claims": claims,
        "behind_old_per_s": [round(pair[0]) for pair in pairs],
        "without_per_s": [round(pair[1]) for pair in pairs],
    }
    return [Result("claim_old_tx", ratio, f">= {GOAL}", ratio >= GOAL, details)]


async def _without(database: Database, url: str, claims: int) -> float:
    await refill(database, claims + 1000)
    return await Shift(Leasing(database, KeyRing.generate()), url).claims_per_s(claims)


async def _behind_old(database: Database, url: str, claims: int) -> float:
    """With somebody's transaction that has looked at the queue before the first claim and stays open until the last."""
    await refill(database, claims + 1000)
    old = await asyncpg.connect(url)
    try:
        async with old.transaction(isolation="repeatable_read"):
            await old.fetchval("SELECT count(*) FROM review_task")
            return await Shift(Leasing(database, KeyRing.generate()), url).claims_per_s(claims)
    finally:
        await old.close()
