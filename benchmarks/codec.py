"""What sealing every payload costs: cards a second with the encrypting codec ÷ without, in turn on the same services."""

from __future__ import annotations

from temporalio.converter import DataConverter

from benchmarks.carried import AT_ONCE, CARDS, CARDS_SHORT, ROUNDS, ROUNDS_SHORT, cards_per_s, compared
from benchmarks.result import Result
from benchmarks.town import SHARED, town
from bootstrap.local import temporal
from workflows.codec import data_converter

PROGRAMS = frozenset[str]()
GOAL = 0.95


def measure(short: bool) -> list[Result]:
    """A-B-A-B with the workers of both in this process; the value is the median of the rounds' ratios."""
    return SHARED.measure(_measure(ROUNDS_SHORT if short else ROUNDS, CARDS_SHORT if short else CARDS))


async def _measure(rounds: int, many: int) -> list[Result]:
    async with town(PROGRAMS) as place:
        sealed = await temporal.connect(place.settings, data_converter(place.keyring))
        plain = await temporal.connect(place.settings, DataConverter.default)
        for client in (sealed, plain):
            await cards_per_s(place, client, AT_ONCE)  # Warm.
        pairs = [(await cards_per_s(place, sealed, many), await cards_per_s(place, plain, many)) for _ in range(rounds)]
    return [compared("codec", GOAL, pairs)]
