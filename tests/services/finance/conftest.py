"""After every test of finance, what each sale, payment, tax and valuation posted is what its own row says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from database.invariants import Look
from database.invariants.sources import SourcesAgree
from tests.builders.world import World

COMPARED = (
    "sale:",
    "sale_difference:",
    "receipt:",
    "exchange:",
    "withholding:",
    "revaluation:",
    "revaluation_end:",
    "payout:",
    "quote:",
)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def rows_and_books_agree(world: World) -> AsyncIterator[None]:
    """Other tests of this database post under causes of their own: only what was not there before counts."""
    before = await _differences(world)
    yield
    assert await _differences(world) - before == set()


async def _differences(world: World) -> set[str]:
    async with world.database.transaction() as session:
        found = await SourcesAgree().broken(session, Look(most=100_000))
    return {line for line in found if line.startswith(COMPARED)}
