"""The back-fill of photo looks, built from the settings."""

from __future__ import annotations

from bootstrap import keys
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from services.cards.photo_hashes import PhotoHashes


async def fill_in(settings: Settings) -> int:
    """How many photos were given a look."""
    store = database(settings)
    try:
        return await PhotoHashes(store, photo_store(settings, keys.load(settings).keyring)).fill_in()
    finally:
        await store.dispose()
