"""What every act at a desk is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from database.session import Database
from domain.sealing import KeyRing
from services.work.claim_cursor import ClaimCursors


@dataclass(frozen=True)
class Desk:
    """The rows, the keys and the clock of one desk, and where each person's claims stopped in this process."""

    database: Database
    keyring: KeyRing
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    cursors: ClaimCursors = field(default_factory=ClaimCursors)
