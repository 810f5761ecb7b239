"""How the pages reach cards: Temporal is connected to on first use, so that pages and submissions work while it is away."""

from __future__ import annotations

import asyncio

from bootstrap.local import temporal
from bootstrap.settings import Settings
from domain.sealing import KeyRing
from workflows.codec import data_converter
from workflows.desk import CardDesk


def card_desk(settings: Settings, keyring: KeyRing) -> CardDesk:
    """A desk whose client is not connected yet."""
    return CardDesk(asyncio.run(temporal.connect(settings, data_converter(keyring), lazy=True)))
