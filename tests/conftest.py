"""What tests stand on: a real PostgreSQL, migrated and rolled back; a real Temporal; a Temporal whose time can jump."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import serialization
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from bootstrap.local.postgres import throwaway
from bootstrap.local.temporal import storage_arguments
from bootstrap.settings import PROJECT_ROOT, Settings, with_driver
from bootstrap.setup.plan import browser_record, temporal_record
from database.session import Database
from domain.policies.book import BOOK
from tests.disk import throwaway_folder
from tests.scheduling import arrange
from tests.slowness import patience
from tests.whole import RUNNING, end_after, later_than
from tests.whole import whole as whole
from workflows.search_attributes import ALL

if TYPE_CHECKING:
    from tests.builders.world import World

SETTINGS = Settings()
COLLECTED_AFTER = (50_000, 20, 50)  # Objects, then collections of each younger generation.
# How long an example takes says how busy the machine is; what hangs is ended by the time limit of every test.
hypothesis.settings.register_profile(
    "any_machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any_machine")


@pytest.hookimpl(tryfirst=True)  # Before xdist reads the groups.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the name of its folder, so that `pytest -m browser` and `-m 'not browser'` work."""
    for item in items:
        parts = item.path.relative_to(PROJECT_ROOT / "tests").parts
        if len(parts) > 1:
            item.add_marker(getattr(pytest.mark, parts[0]))
        if parts[0] == "architecture":  # They read the whole project: one process does, once for all of them.
            item.add_marker(pytest.mark.xdist_group("architecture"))
        _stretch(item)
    arrange(items)


def _stretch(item: pytest.Item) -> None:
    """Give a test as much time as this machine needs: what hangs is ended, and what is slow is not."""
    mark = item.get_closest_marker("timeout")
    seconds = float(mark.args[0] if mark is not None else item.config.getini("timeout"))
    item.add_marker(pytest.mark.timeout(patience(seconds)), append=False)


@pytest.fixture(autouse=True)
def _policies_as_built_in() -> Iterator[None]:
    """No test decides by policies that another one has published."""
    yield
    for kind in BOOK.counts():
        BOOK.fill(kind, [])


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking at five thousand collected tests again and again: they stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)  # What the test leaves to its fixtures needs the platform.
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the platform that some tests share as soon as the last of them is over."""
    end_after(item, nextitem, later_than(item), RUNNING)


def pytest_configure(config: pytest.Config) -> None:
    # Reading a private key tries its primes, for 30 ms each time; many tests read the same few.
    serialization.load_pem_private_key = functools.cache(serialization.load_pem_private_key)  # type: ignore[assignment]
    # A tenth of the whole run was the collector's: tests make many objects, most of which die without it.
    gc.set_threshold(*COLLECTED_AFTER)
    for folder in (PROJECT_ROOT / "tests").iterdir():
        if folder.is_dir() and not folder.name.startswith("_"):
            config.addinivalue_line("markers", f"{folder.name}: tests of tests/{folder.name}")


@pytest.fixture(scope="session")
def settings() -> Settings:
    """This machine's settings; tests that write files make their own with home=tmp_path."""
    return SETTINGS


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL (asyncpg) of a server's maintenance database: CARDLOOP_TEST_DATABASE_URL, else a server of this session."""
    if SETTINGS.test_database_url is not None:
        yield with_driver(SETTINGS.test_database_url.get_secret_value())
        return
    with throwaway_folder("test") as folder:
        made = throwaway(folder)
        try:
            with made.running() as server:
                yield server.url("postgres")
        finally:
            shutil.rmtree(made.socket_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def make_database(postgres_url: str) -> Callable[[str], str]:
    """Make an empty database by name (dropped first if it is there) and return its URL."""

    def make(name: str) -> str:
        apart(lambda: asyncio.run(_recreate(postgres_url, name)))
        return make_url(postgres_url).set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
def make_migrated(postgres_url: str, make_database: Callable[[str], str], worker: str) -> Callable[[str], str]:
    """Make a migrated database by name and return its URL: a copy of one that was migrated once in this process."""
    template = f"cardloop_template_{worker}"
    _migrated(make_database(template))

    def make(name: str) -> str:
        apart(lambda: asyncio.run(_recreate(postgres_url, name, template)))
        return make_url(postgres_url).set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
def database_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """URL of this test process's own migrated database, for tests that commit: others' rows are in it."""
    return make_migrated(f"cardloop_test_{worker}")


@pytest.fixture(scope="session")
def empty_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """URL of a migrated database without commits."""
    return make_migrated(f"cardloop_empty_{worker}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool_of() -> AsyncIterator[Callable[[str], Database]]:
    """The one pool of this process to the database at a URL: a new pool would compile every statement again.

    A test that ends leaves it at rest (`tests/pools.py`): its connections are there for the next one.
    """
    made: dict[str, Database] = {}

    def find(url: str) -> Database:
        if url not in made:
            made[url] = Database(url, pool_size=8)
        return made[url]

    yield find
    for database in made.values():
        await database.dispose()


@pytest.fixture(scope="session")
def worker() -> str:
    """Name of this xdist process, "alone" without xdist; the process id keeps two runs on one server apart."""
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}_{os.getpid()}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine(empty_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on the empty database; nothing is committed through it."""
    engine = create_async_engine(empty_url, poolclass=NullPool)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session inside a transaction that is rolled back; its commits are savepoints."""
    async with engine.connect() as connection:
        outer = await connection.begin()
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            yield session
        await outer.rollback()


@pytest.fixture(scope="session")
def temporal_cli() -> Path:
    """The Temporal CLI that set-up found."""
    return _recorded(temporal_record(SETTINGS), "temporal")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_environment(temporal_cli: Path) -> AsyncIterator[WorkflowEnvironment]:
    """A dev server in memory, with our pragmas, for this session."""
    environment = await _patiently(
        lambda: WorkflowEnvironment.start_local(
            dev_server_existing_path=str(temporal_cli),
            dev_server_extra_args=storage_arguments(),
            search_attributes=ALL,
        )
    )
    yield environment
    await environment.shutdown()


@pytest.fixture
def temporal_client(temporal_environment: WorkflowEnvironment) -> Client:
    """A client of the session's dev server, without our codec: tests choose their own data converter."""
    return temporal_environment.client


@pytest_asyncio.fixture(loop_scope="session")
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server of this test alone whose clock jumps to the next timer while the test waits for a result."""
    program = SETTINGS.cache_dir / "time-skipping" / "temporal-test-server"
    _require(program)
    environment = await _patiently(
        lambda: WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(program))
    )
    yield environment
    await environment.shutdown()


async def _patiently(start: Callable[[], Awaitable[WorkflowEnvironment]]) -> WorkflowEnvironment:
    """Start a server that the SDK gives five seconds, which a busy machine may not: it has five tries."""
    for _ in range(4):
        try:
            return await start()
        except RuntimeError as slow:
            if "did not start within" not in str(slow):
                raise
    return await start()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser_program() -> AsyncIterator[Path]:
    """The Chromium that set-up found; the browser that tests share ends with the session."""
    yield _recorded(browser_record(SETTINGS), "chromium")
    from tests.browser.people import SHARED  # Loads Playwright, which few tests need.

    await SHARED.close()


@pytest.fixture(scope="session")
def world_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """URL of the world's own database: what other tests sealed under other keys could not be opened here."""
    return make_migrated(f"cardloop_world_{worker}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_world(world_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One database and one set of simulators for all tests of activities, services and jobs; each makes its own cards."""
    from tests.builders.world import world_at  # Loads activities, services and simulators, which few tests need.

    async with world_at(world_url, tmp_path_factory.mktemp("world"), pool_size=8) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def world(shared_world: World) -> AsyncIterator[World]:
    """The world with every partner calm, before and after."""
    yield shared_world
    await shared_world.calm()


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python ARGUMENTS` in the project's folder and return what it printed."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT_ROOT, env={**os.environ, **environment},
            check=False, capture_output=True, text=True, timeout=patience(50),
        )  # fmt: skip

    return run


def apart(work: Callable[[], None]) -> None:
    """Run something that starts an event loop of its own while this thread's may be running."""
    failures: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  # Carried over to the calling thread and raised there.
            failures.append(failure)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _migrated(url: str) -> str:
    from database.migrate import upgrade

    apart(lambda: upgrade(url))
    return url


async def _recreate(server_url: str, name: str, template: str = "template1") -> None:
    engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        # Without a log to write, copying files takes a fifth of the time that copying pages does.
        await connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
    await engine.dispose()


def _recorded(record: Path, what: str) -> Path:
    _require(record)
    program = Path(record.read_text().strip())
    assert program.is_file(), f"{what} is gone from {program}: run `python -m cli setup --for-tests`"
    return program


def _require(path: Path) -> None:
    assert path.is_file(), f"{path.name} is missing: run `python -m cli setup --for-tests` (make test does)"
