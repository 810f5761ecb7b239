"""A world of its own for one module: for tests that judge all rows of a database, where those of others would count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.builders.world import World, world_at


def own_world(name: str, fixture: str = "world") -> Any:
    """Return the fixture `world` for a module, on a database called by that name: `world = own_world("rails")`.

    Under another name as a fixture it stands beside the shared world, which what is judged after every test looks at.
    """

    @pytest_asyncio.fixture(scope="module", loop_scope="session", name=fixture)
    async def world(
        make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[World]:
        async with world_at(
            make_migrated(f"cardloop_{name}_{worker}"), tmp_path_factory.mktemp(name), pool_size=6
        ) as one:
            yield one

    return world
