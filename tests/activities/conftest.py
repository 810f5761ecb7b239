"""One database and one set of simulators for all tests of the activities; each test makes its own cards."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from database.session import Database
from tests.activities.world import World, a_world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_world(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    database = Database(database_url, pool_size=8)
    async with a_world(database, tmp_path_factory.mktemp("world")) as world:
        yield world
    await database.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def world(shared_world: World) -> AsyncIterator[World]:
    """The world with every partner calm, before and after."""
    yield shared_world
    await shared_world.calm()
