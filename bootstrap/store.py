"""What every process builds the same way: the database pool and the photo store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bootstrap.settings import Settings
from bootstrap.words import Problem
from database.session import Database, DatabaseUnavailable
from database.tracing import follow
from domain.sealing import KeyRing

if TYPE_CHECKING:
    from gateways.pictures.store import PhotoStore

COMMAND_STATEMENT_S = 3600.0  # `check` reads whole tables; a person looks on and can stop it.

PHOTO = (
    "photo"  # Purpose and place of every sealed picture; its name is the hash of its content, checked when it is read.
)


def database(settings: Settings) -> Database:
    """Make a pool of connections to the platform's database, its statements traced where traces are wanted."""
    made = Database(settings.sqlalchemy_url, pool_size=settings.database_connections)
    if settings.otlp_endpoint is not None:
        follow(made.engine.sync_engine)
    return made


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the pool for one command, closed behind it. Raises Problem when the database does not answer."""
    store = Database(
        settings.sqlalchemy_url, pool_size=settings.database_connections, command_timeout_s=COMMAND_STATEMENT_S
    )
    try:
        yield store
    except DatabaseUnavailable:
        raise Problem(
            "数据库没有应答：请先启动平台，或检查 DATABASE_URL。",
            "The database does not answer: start the platform first, or look at DATABASE_URL.",
        ) from None
    finally:
        await store.dispose()


def photo_store(settings: Settings, keyring: KeyRing) -> PhotoStore:
    """Make the store of sealed photographs."""
    from gateways.pictures.store import PhotoStore  # Loads what handles pictures, which most programs never do.

    return PhotoStore(
        settings.photos,
        lambda jpeg: keyring.seal(jpeg, purpose=PHOTO, aad=PHOTO),
        lambda sealed: keyring.open(sealed, purpose=PHOTO, aad=PHOTO),
    )
