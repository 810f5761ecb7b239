"""How much of Temporal's own speed is left for cards: whole automatic cards a second ÷ bare workflows a second.

Both on the same server, in turn. A card goes from the HTTP submission to paid, through every process of the platform.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from statistics import median

from temporalio.client import Client

from benchmarks.bare import QUEUE, Bare
from benchmarks.cards import bought, partner
from benchmarks.result import Result
from benchmarks.town import SHARED, Town, town
from bootstrap.settings import PROJECT_ROOT
from domain.identifiers import new_id

PROGRAMS = frozenset({"api", "worker-cards"})
GOAL = 0.5
ROUNDS, ROUNDS_SHORT = 5, 2
CARDS, CARDS_SHORT = 200, 80
AT_ONCE = 40


def measure(short: bool) -> list[Result]:
    """A-B-A-B; the value is the median of the rounds' ratios."""
    return SHARED.measure(_measure(ROUNDS_SHORT if short else ROUNDS, CARDS_SHORT if short else CARDS))


async def _measure(rounds: int, many: int) -> list[Result]:
    async with town(PROGRAMS) as place:
        yardstick = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.bare", place.settings.temporal_target, cwd=PROJECT_ROOT
        )
        try:
            pairs = await _rounds(place, rounds, many)
        finally:
            with suppress(ProcessLookupError):
                yardstick.kill()
            await yardstick.wait()
    ratio = median(cards / bare for cards, bare in pairs)
    details = {
        "cards_per_s": [round(cards, 1) for cards, _ in pairs],
        "bare_per_s": [round(bare, 1) for _, bare in pairs],
        "cards_per_round": many,
        "at_once": AT_ONCE,
    }
    return [Result("flow", ratio, f">= {GOAL}", ratio >= GOAL, details)]


async def _rounds(place: Town, rounds: int, many: int) -> list[tuple[float, float]]:
    plain = await Client.connect(place.settings.temporal_target)
    async with partner(place) as api:
        await bought(place, api, AT_ONCE, AT_ONCE)  # Warm: pools filled, tables compiled.
        await _bare(plain, AT_ONCE)
        pairs = []
        for _ in range(rounds):
            began = time.perf_counter()
            await bought(place, api, many, AT_ONCE)
            between = time.perf_counter()
            await _bare(plain, many)
            pairs.append((many / (between - began), many / (time.perf_counter() - between)))
        return pairs


async def _bare(client: Client, many: int) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            await client.execute_workflow(Bare.run, id=f"bare-{new_id()}", task_queue=QUEUE)

    await asyncio.gather(*(one() for _ in range(many)))
