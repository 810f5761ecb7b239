"""What watching costs: cards a second while attempts are reported and stuck runs are looked for ÷ without, in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.worker import Interceptor

from benchmarks.carried import AT_ONCE, CARDS, CARDS_SHORT, ROUNDS, ROUNDS_SHORT, cards_per_s, compared
from benchmarks.result import Result
from benchmarks.town import SHARED, Town, town
from bootstrap.local import temporal
from bootstrap.reporting import attempts_job, interceptors_of
from bootstrap.watching import watching
from jobs.registry import Job, Registry
from services.ops.attempts import Attempts
from workflows.codec import data_converter

PROGRAMS = frozenset[str]()
GOAL = 0.95
FIRST_LOOKS, EACH_S = 600, 0.1


def measure(short: bool) -> list[Result]:
    """A-B-A-B with the workers and the looks in this process; the value is the median of the rounds' ratios."""
    return SHARED.measure(_measure(ROUNDS_SHORT if short else ROUNDS, CARDS_SHORT if short else CARDS))


async def _measure(rounds: int, many: int) -> list[Result]:
    async with town(PROGRAMS) as place:
        client = await temporal.connect(place.settings, data_converter(place.keyring))
        await cards_per_s(place, client, AT_ONCE)  # Warm.
        pairs = []
        for _ in range(rounds):
            async with _watched(place, client) as interceptors:
                watched = await cards_per_s(place, client, many, interceptors)
            pairs.append((watched, await cards_per_s(place, client, many)))
    return [compared("projection", GOAL, pairs)]


@asynccontextmanager
async def _watched(place: Town, client: Client) -> AsyncIterator[list[Interceptor]]:
    """Every loop that watches open runs, as the workers and the console run them.

    They run all day: the first look of each, all at once at a start, is over before anything is measured.
    """
    attempts = Attempts(place.store)
    jobs = [attempts_job(attempts), *watching(place.settings, place.keyring, place.store, client)]
    running = [asyncio.create_task(job.run()) for job in Registry(jobs).jobs.values()]
    try:
        await _looked(jobs)
        yield interceptors_of(attempts)
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _looked(jobs: Sequence[Job]) -> None:
    """Return when every loop has looked once. Raises TimeoutError when one never does."""
    for _ in range(FIRST_LOOKS):
        if all(job.health.took_ms for job in jobs):
            return
        await asyncio.sleep(EACH_S)
    raise TimeoutError([job.name for job in jobs if not job.health.took_ms])
