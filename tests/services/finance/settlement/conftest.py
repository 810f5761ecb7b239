"""A world of these tests alone, so that the books can be compared as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.builders.settling import Settling
from tests.builders.world import World, world_at


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def own_world(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A database of these tests alone."""
    url = make_migrated(f"settling_{worker}")
    async with world_at(url, tmp_path_factory.mktemp("settling"), pool_size=4) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def scene(own_world: World) -> Settling:
    await own_world.calm()
    return Settling(own_world.database, own_world.keyring, own_world.photos, own_world.payout)
