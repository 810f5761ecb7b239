"""Files that prove what people state about money: cleaned and sealed as every file, and given out to who may see payments."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from domain.errors.general import FieldInvalid, NotFound
from gateways import decoding
from gateways.attachments import Attachment
from gateways.pictures.store import PhotoMissing, PhotoStore


@dataclass(frozen=True)
class ProofFile:
    """A file as it was sent."""

    name: str
    content: bytes = field(repr=False)


async def kept(store: PhotoStore, given: ProofFile | None) -> Attachment:
    """Clean and seal a file before the transaction; one left over by a refusal belongs to nobody.

    Refuse FieldInvalid (`evidence`) without one, AttachmentTooLarge, AttachmentUnsupported and FileTooDemanding.
    """
    if given is None or not given.content:
        raise FieldInvalid(field="evidence", why="missing")
    taken = await decoding.attachment(given.name, given.content)
    await asyncio.to_thread(store.write, taken.content)
    return taken


async def content_of(store: PhotoStore, sha256: str) -> bytes:
    """Return what is kept. Refuse NotFound for a file that is gone."""
    try:
        return await asyncio.to_thread(store.read, sha256)
    except PhotoMissing:
        raise NotFound() from None
