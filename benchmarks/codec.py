"""What sealing every payload costs: cards a second with the encrypting codec ÷ without, in turn on the same services."""

from __future__ import annotations

import asyncio
from statistics import median

from temporalio.converter import DataConverter

from benchmarks.carried import AT_ONCE, cards_per_s
from benchmarks.result import Result
from benchmarks.town import town
from bootstrap.local import temporal
from workflows.codec import data_converter

GOAL = 0.95
ROUNDS, ROUNDS_SHORT = 7, 3
CARDS, CARDS_SHORT = 120, 60


def measure(short: bool) -> list[Result]:
    """A-B-A-B with the workers of both in this process; the value is the median of the rounds' ratios."""
    return asyncio.run(_measure(ROUNDS_SHORT if short else ROUNDS, CARDS_SHORT if short else CARDS))


async def _measure(rounds: int, many: int) -> list[Result]:
    async with town(()) as place:
        sealed = await temporal.connect(place.settings, data_converter(place.keyring))
        plain = await temporal.connect(place.settings, DataConverter.default)
        for client in (sealed, plain):
            await cards_per_s(place, client, AT_ONCE)  # Warm.
        pairs = [(await cards_per_s(place, sealed, many), await cards_per_s(place, plain, many)) for _ in range(rounds)]
    ratio = median(with_codec / without for with_codec, without in pairs)
    details = {
        "with_per_s": [round(pair[0], 1) for pair in pairs],
        "without_per_s": [round(pair[1], 1) for pair in pairs],
    }
    return [Result("codec", ratio, f">= {GOAL}", ratio >= GOAL, details)]
