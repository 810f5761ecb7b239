"""A database of these tests' own, for what only shows when transactions are committed; each test gets it empty of meaning."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from database.session import Database
from tests.pools import at_rest


@pytest.fixture(scope="session")
def committed_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """URL of a migrated database that tests may commit to."""
    return make_migrated(f"cardloop_committed_{worker}")


@pytest_asyncio.fixture(loop_scope="session")
async def database(committed_url: str, pool_of: Callable[[str], Database]) -> AsyncIterator[Database]:
    """Eight connections to it; what a test commits stays for the next one, so tests look only at what they made."""
    database = pool_of(committed_url)
    yield database
    await at_rest(database)
