"""What every act of support is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from database.session import Database
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore


@dataclass(frozen=True)
class SupportDesk:
    """The rows, the keys, the files and the clock of support."""

    database: Database
    keyring: KeyRing
    store: PhotoStore
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
