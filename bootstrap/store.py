"""What every process builds the same way: the database pool and the photo store."""

from __future__ import annotations

from bootstrap.settings import Settings
from database.session import Database
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore

PHOTO = (
    "photo"  # Purpose and place of every sealed picture; its name is the hash of its content, checked when it is read.
)


def database(settings: Settings) -> Database:
    """A pool of connections to the platform's database."""
    return Database(settings.sqlalchemy_url, pool_size=settings.database_connections)


def photo_store(settings: Settings, keyring: KeyRing) -> PhotoStore:
    """The sealed photographs."""
    return PhotoStore(
        settings.photos,
        lambda jpeg: keyring.seal(jpeg, purpose=PHOTO, aad=PHOTO),
        lambda sealed: keyring.open(sealed, purpose=PHOTO, aad=PHOTO),
    )
