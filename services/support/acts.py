"""The bases of the acts on tickets, by what they need besides the rows: nothing, the key ring, or the files as well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from database.session import Database
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore

Now = Callable[[], datetime]


def this_moment() -> datetime:
    """Return the present moment, UTC, aware."""
    return datetime.now(UTC)


class Acts:
    """Acts on rows; `now` is the clock."""

    def __init__(self, database: Database, now: Now = this_moment) -> None:
        self._database = database
        self._now = now


class KeyedActs(Acts):
    """Acts that seal, open or look up by the key ring, too."""

    def __init__(self, database: Database, keyring: KeyRing, now: Now = this_moment) -> None:
        super().__init__(database, now)
        self._keyring = keyring


class FiledActs(KeyedActs):
    """Acts that keep files in the photo store, too."""

    def __init__(self, database: Database, keyring: KeyRing, store: PhotoStore, now: Now = this_moment) -> None:
        super().__init__(database, keyring, now)
        self._store = store
