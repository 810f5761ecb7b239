"""A platform of a benchmark's own: real PostgreSQL, Temporal and simulators in a throw-away folder on free ports."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

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

PORTS = ("API", "CONSOLE", "CODEC", "TEMPORAL", "TEMPORAL_UI")


@dataclass(frozen=True)
class Town:
    """What a benchmark works with; `client` speaks through the encrypting codec."""

    settings: Settings
    keyring: KeyRing
    store: Database
    client: Client


@asynccontextmanager
async def town(programs: Collection[str]) -> AsyncIterator[Town]:
    """Starts PostgreSQL, Temporal, simulators and the named programs (`api`, `worker-cards` …), and stops them all."""
    home = Path(tempfile.mkdtemp(prefix="cardloop-bench-"))
    before = dict(os.environ)
    os.environ |= environment(home)  # The platform's programs are processes of their own and read it too.
    settings = Settings()
    platform = Platform(settings, lambda line: None)
    try:
        await platform.start(programs)
        keyring = keys.load(settings).keyring
        store = database(settings)
        yield Town(settings, keyring, store, await temporal.connect(settings, data_converter(keyring)))
        await store.dispose()
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
