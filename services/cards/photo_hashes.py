"""Gives photographs taken before looks were kept theirs, so that old cards are found beside new ones."""

from __future__ import annotations

import asyncio

from sqlalchemy import select, update

from database.session import Database
from database.tables.cards import PhotoRow
from gateways.pictures.perceptual_hash import perceptual_hash_of_jpeg
from gateways.pictures.store import PhotoMissing, PhotoStore

BATCH = 100


class PhotoHashes:
    """Fills in `photo.look` where it is empty; may be broken off and run again at any time."""

    def __init__(self, database: Database, photos: PhotoStore) -> None:
        self._database = database
        self._photos = photos

    async def fill_in(self) -> int:
        """How many photos were given a look; those that are erased or plain keep none. A batch is a transaction."""
        filled, after = 0, ""
        while batch := await self._without(after):
            looks = {photo: await asyncio.to_thread(self._look, digest) for photo, digest in batch}
            filled += await self._write({photo: look for photo, look in looks.items() if look is not None})
            after = batch[-1][0]
        return filled

    async def _without(self, after: str) -> list[tuple[str, str]]:
        statement = select(PhotoRow.id, PhotoRow.stored_sha256).where(PhotoRow.look.is_(None), PhotoRow.id > after)
        async with self._database.transaction() as session:
            rows = await session.execute(statement.order_by(PhotoRow.id).limit(BATCH))
            return [(row.id, row.stored_sha256) for row in rows]

    def _look(self, digest: str) -> int | None:
        try:
            return perceptual_hash_of_jpeg(self._photos.read(digest))
        except (PhotoMissing, OSError):  # Erased at its owner's wish, or damaged: nothing is left to look at.
            return None

    async def _write(self, looks: dict[str, int]) -> int:
        async with self._database.transaction() as session:
            for photo, look in looks.items():
                await session.execute(update(PhotoRow).where(PhotoRow.id == photo).values(look=look))
        return len(looks)
