"""Files that prove what people state about money: cleaned and sealed as every file, and given out to who may see payments."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from database.session import Database
from domain.errors.general import FieldInvalid, NotFound
from domain.people.roles import Permission
from gateways import decoding
from gateways.attachments import Attachment
from gateways.pictures.store import PhotoMissing, PhotoStore
from services.people.permissions import require


@dataclass(frozen=True)
class ProofFile:
    """A file as it was sent."""

    name: str
    content: bytes = field(repr=False)


async def kept(store: PhotoStore, given: ProofFile | None) -> Attachment:
    """Clean and seal a file before the transaction; one left over by a refusal has no owner.

    Refuse FieldInvalid (`evidence`) without one, AttachmentTooLarge, AttachmentUnsupported and FileTooDemanding.
    """
    if given is None or not given.content:
        raise FieldInvalid(field="evidence", why="missing")
    taken = await decoding.attachment(given.name, given.content)
    await asyncio.to_thread(store.write, taken.content)
    return taken


async def kept_of(
    database: Database, person: str, permission: Permission, store: PhotoStore, given: ProofFile | None
) -> Attachment:
    """Clean and seal the file of a person with this right. Refuse NotAllowed before it is taken apart, else as `kept`."""
    async with database.transaction() as session:
        await require(session, person, permission)
    return await kept(store, given)


async def content_of(store: PhotoStore, sha256: str) -> bytes:
    """Return what is kept. Refuse NotFound for a file that is gone."""
    try:
        return await asyncio.to_thread(store.read, sha256)
    except PhotoMissing:
        raise NotFound() from None
