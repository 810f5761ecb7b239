"""The rails beside the world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.builders.rails import Rails, rails_of
from tests.builders.world import World


@pytest_asyncio.fixture(loop_scope="session")
async def rails(world: World, tmp_path: Path) -> AsyncIterator[Rails]:
    async with rails_of(world, tmp_path / "wechat") as made:
        yield made
