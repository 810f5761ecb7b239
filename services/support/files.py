"""Files of a ticket's conversation, as they are given out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from database.reads.support.customers import file_of
from database.session import Database
from domain.errors.general import NotFound
from gateways.pictures.store import PhotoMissing, PhotoStore

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True)
class KeptFile:
    """A file as it is kept."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


class TicketFiles:
    """Gives customers the files of their own tickets. `requester` is as in `TicketRow`."""

    def __init__(self, database: Database, store: PhotoStore) -> None:
        self._database = database
        self._store = store

    async def whole(self, requester: str, ticket_id: str, file_id: str) -> KeptFile:
        """Return the file. Refuse NotFound for a file that the customer may not see, and for one that is gone."""
        async with self._database.transaction() as session:
            row = await file_of(session, requester, ticket_id, file_id)
        try:
            return KeptFile(row.name, row.media_type, await asyncio.to_thread(self._store.read, row.sha256))
        except PhotoMissing:
            raise NotFound(file=file_id[:26]) from None

    async def small(self, requester: str, ticket_id: str, file_id: str, side_max: int) -> bytes:
        """Return a picture as JPEG, no side over `side_max` pixels. Refuse NotFound, for what is no picture too."""
        async with self._database.transaction() as session:
            row = await file_of(session, requester, ticket_id, file_id)
        if row.media_type not in PICTURES:
            raise NotFound(file=file_id[:26])
        try:
            return await asyncio.to_thread(self._store.thumbnail, row.sha256, side_max)
        except PhotoMissing:
            raise NotFound(file=file_id[:26]) from None
