"""How the pages reach cards: Temporal is connected to on first use, so that pages and submissions work while it is away."""

from __future__ import annotations

import asyncio

from temporalio.client import Client

from bootstrap.local import temporal
from bootstrap.settings import Settings
from domain.sealing import KeyRing
from workflows.codec import data_converter


def lazy_client(settings: Settings, keyring: KeyRing) -> Client:
    """Return a client of Temporal that is not connected yet."""
    return asyncio.run(temporal.connect(settings, data_converter(keyring), lazy=True))
