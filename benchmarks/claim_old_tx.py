"""What an old transaction does to claims: claims a second while one is held open, behind which nothing can be cleared away, ÷ without."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from statistics import median

import asyncpg

from benchmarks.claim import REVIEWERS, Shift
from benchmarks.queues import queue_of, queue_server
from benchmarks.result import Result
from domain.sealing import KeyRing
from services.work.desk import Desk
from services.work.leases import Leases

GOAL = 0.9
SLICE = 480  # Claims in a row: a quarter of a second, so that a slow moment of the machine meets both sides.
SLICES, SLICES_SHORT = 24, 6


def measure(short: bool) -> list[Result]:
    """Two full queues on one server, behind one of them an old transaction; slices of claims in turn, none ever cleared away."""
    return asyncio.run(_measure(SLICES_SHORT if short else SLICES))


async def _measure(slices: int) -> list[Result]:
    tasks = SLICE * (slices + 2)
    async with queue_server() as server, AsyncExitStack() as stack:
        shifts = {}
        for name in ("behind_old", "without"):
            database = await stack.enter_async_context(queue_of(server, name, tasks, REVIEWERS))
            url = server.url(name).replace("+asyncpg", "")
            shifts[name] = Shift(Leases(Desk(database, KeyRing.generate())), url)
            await shifts[name].claims_per_s(SLICE)  # Warm.
        old = await asyncpg.connect(shifts["behind_old"].url)
        stack.push_async_callback(old.close)
        async with old.transaction(isolation="repeatable_read"):
            await old.fetchval("SELECT count(*) FROM work_item")
            pairs = [
                (await shifts["behind_old"].claims_per_s(SLICE), await shifts["without"].claims_per_s(SLICE))
                for _ in range(slices)
            ]
    ratio = median(behind / without for behind, without in pairs)
    details = {
        "claims": SLICE * slices,
        "last_quarter": round(median(behind / without for behind, without in pairs[-slices // 4 :]), 3),
        "behind_old_per_s": [round(pair[0]) for pair in pairs],
        "without_per_s": [round(pair[1]) for pair in pairs],
    }
    return [Result("claim_old_tx", ratio, f">= {GOAL}", ratio >= GOAL, details)]
