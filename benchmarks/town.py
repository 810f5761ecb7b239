"""A platform for benchmarks: real PostgreSQL, Temporal and simulators in a throw-away folder on free ports."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client

from bootstrap import keys
from bootstrap.local import temporal
from bootstrap.local.ports import in_use
from bootstrap.platform import OUTSIDE, Platform
from bootstrap.settings import Settings
from bootstrap.store import database
from database.session import Database
from domain.sealing import KeyRing
from workflows.codec import data_converter

T = TypeVar("T")
PORTS = ("API", "CONSOLE", "CODEC", "TEMPORAL", "TEMPORAL_UI")


@dataclass(frozen=True)
class Town:
    """What a benchmark works with; `client` speaks through the encrypting codec."""

    settings: Settings
    keyring: KeyRing
    store: Database
    client: Client


class Shared:
    """The platform of the benchmarks that ask for the same programs one after the other, and the loop that they run in.

    A start takes as long as many a short measurement. Another set of programs has a platform of its own.
    """

    def __init__(self) -> None:
        self.programs: frozenset[str] | None = None  # None while no platform runs.
        self._runner = asyncio.Runner()
        self._running = AsyncExitStack()

    def measure(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a measurement in the loop of the platform."""
        return self._runner.run(work)

    async def settings_of(self, programs: frozenset[str]) -> Settings:
        """Return the settings of the running platform; starts it unless it has exactly these programs."""
        if self.programs != programs:
            await self._stop()
            await self._running.enter_async_context(_platform(programs))
            self.programs = programs
        return Settings()

    def end(self) -> None:
        """Stop the platform, where one runs: what is measured without one must not share the processors with it."""
        self._runner.run(self._stop())
        self._runner.close()
        self._runner = asyncio.Runner()

    async def _stop(self) -> None:
        self.programs = None
        await self._running.aclose()


SHARED = Shared()


@asynccontextmanager
async def town(programs: frozenset[str]) -> AsyncIterator[Town]:
    """A platform with PostgreSQL, Temporal, simulators and the named programs (`api`, `worker-cards` …); it runs on for the next benchmark."""
    settings = await SHARED.settings_of(programs)
    keyring, store = keys.load(settings).keyring, database(settings)
    try:
        yield Town(settings, keyring, store, await temporal.connect(settings, data_converter(keyring)))
    finally:
        await store.dispose()


@asynccontextmanager
async def _platform(programs: frozenset[str]) -> AsyncIterator[None]:
    home = Path(tempfile.mkdtemp(prefix="cardloop-bench-"))
    before = dict(os.environ)
    os.environ |= environment(home)  # The platform's programs are processes of their own and read it too.
    platform = Platform(Settings(), lambda line: None)
    try:
        await platform.start(programs)
        yield
    finally:
        await platform.stop()
        os.environ.clear()
        os.environ |= before
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


def environment(home: Path) -> dict[str, str]:
    """Variables of a platform of its own in `home`: free ports, and the project's cache."""
    (home / "cache").symlink_to(Settings().cache_dir)
    base = _free_ports(len(PORTS) + len(OUTSIDE))
    ports = {f"CARDLOOP_{name}_PORT": str(base + place) for place, name in enumerate(PORTS)}
    first = base + len(PORTS)
    urls = {f"CARDLOOP_{name.upper()}_URL": f"http://127.0.0.1:{first + place}" for place, name in enumerate(OUTSIDE)}
    # The issuers' rate limit is not what is measured.
    return {"CARDLOOP_HOME": str(home), "CARDLOOP_ISSUER_CALLS_PER_SECOND": "100000", **ports, **urls}


def _free_ports(many: int) -> int:
    """The first of so many free ports in a row, below those that the system hands to outgoing connections."""
    while True:
        base = random.randrange(15_000, 30_000)  # A port is no secret.
        if not any(in_use("127.0.0.1", base + place) for place in range(many)):
            return base
