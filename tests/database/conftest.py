"""A database of these tests' own, for what only shows when transactions are committed; each test gets it empty of meaning."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from database.migrate import upgrade
from database.session import Database


@pytest.fixture(scope="session")
def committed_url(make_database: Callable[[str], str], worker: str) -> str:
    """URL of a migrated database that tests may commit to."""
    url = make_database(f"cardloop_committed_{worker}")
    upgrade(url)
    return url


@pytest_asyncio.fixture(loop_scope="session")
async def database(committed_url: str) -> AsyncIterator[Database]:
    """Eight connections to it; what a test commits stays for the next one, so tests look only at what they made."""
    made = Database(committed_url, pool_size=8)
    yield made
    await made.dispose()
