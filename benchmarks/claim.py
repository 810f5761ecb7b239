"""How fast reviewers get work: claims a second ÷ bare one-row commits a second, eight at a time; and that no task is given twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median

import asyncpg

from benchmarks.queues import queue_of, queue_server, refill
from benchmarks.result import Result
from domain.sealing import KeyRing
from services.work.desk import Desk
from services.work.leases import Leases

GOAL = 0.5
REVIEWERS = 8
CLAIMS, CLAIMS_SHORT = 20_480, 2_048  # Of eight rounds and eight reviewers, without a rest.
ROUNDS, ROUNDS_SHORT = 8, 4
_FINISH = "UPDATE work_item SET decided = true, closed_at = now() WHERE id = $1"
_RAW = "UPDATE person SET capacity = capacity + 1 WHERE id = $1"


def measure(short: bool) -> list[Result]:
    """Claims and bare commits in turn on one server; the value is the median of the rounds' ratios."""
    return asyncio.run(_measure(CLAIMS_SHORT if short else CLAIMS, ROUNDS_SHORT if short else ROUNDS))


@dataclass
class Shift:
    """Eight reviewers at work: each claims (timed), and finishes what they got (not timed) before the next claim."""

    leases: Leases
    url: str
    given: list[str] = field(default_factory=list)

    async def claims_per_s(self, many: int) -> float:
        """Over all reviewers together, while all of them work."""

        async def claim(person: str, _: asyncpg.Connection) -> str | None:
            lease = await self.leases.take(person, None)
            return None if lease is None else lease.task_id

        return await self._per_s(many, claim)

    async def commits_per_s(self, many: int) -> float:
        """The same with a bare prepared update of the reviewer's own row in the place of the claim."""

        async def commit(person: str, connection: asyncpg.Connection) -> None:
            await connection.execute(_RAW, person)

        return await self._per_s(many, commit)

    async def _per_s(self, many: int, act: Callable[[str, asyncpg.Connection], Awaitable[str | None]]) -> float:
        connections = [await asyncpg.connect(self.url) for _ in range(REVIEWERS)]
        try:
            spent = await asyncio.gather(
                *(
                    self._work(f"person{place + 1}", one, many // REVIEWERS, act)
                    for place, one in enumerate(connections)
                )
            )
        finally:
            for one in connections:
                await one.close()
        return many / (sum(spent) / REVIEWERS)

    async def _work(
        self, person: str, connection: asyncpg.Connection, many: int,
        act: Callable[[str, asyncpg.Connection], Awaitable[str | None]],
    ) -> float:  # fmt: skip
        spent = 0.0
        for turn in range(many):
            began = time.perf_counter()
            got = await act(person, connection)
            spent += time.perf_counter() - began
            if got is not None:
                self.given.append(got)
            await connection.execute(_FINISH, got or f"none:{turn}")
        return spent


async def _measure(claims: int, rounds: int) -> list[Result]:
    async with queue_server() as server:
        async with queue_of(server, "claim", claims + 1000, REVIEWERS) as database:
            shift = Shift(Leases(Desk(database, KeyRing.generate())), server.url("claim").replace("+asyncpg", ""))
            await shift.claims_per_s(80)
            await shift.commits_per_s(80)
            await refill(database, claims + 1000)
            shift.given.clear()
            each = claims // rounds
            pairs = [(await shift.claims_per_s(each), await shift.commits_per_s(each)) for _ in range(rounds)]
    ratio = median(claimed / raw for claimed, raw in pairs)
    twice = len(shift.given) - len(set(shift.given))
    details = {
        "claims": len(shift.given),
        "claims_per_s": [round(pair[0]) for pair in pairs],
        "commits_per_s": [round(pair[1]) for pair in pairs],
    }
    return [
        Result("claim", ratio, f">= {GOAL}", ratio >= GOAL, details),
        Result("claim_double", twice, "= 0", twice == 0 and len(shift.given) == each * rounds, details),
    ]
