"""Files that customers and agents sent with their messages, opened for staff, on record."""

from __future__ import annotations

import asyncio

from database.repositories.audit import by_person
from database.session import Database
from database.tables.support.tickets import TicketFileRow
from domain.errors.general import NotFound
from domain.people.roles import Permission
from gateways.pictures.store import PhotoMissing, PhotoStore
from services.people.permissions import require
from services.work.comments import Download


async def download(database: Database, store: PhotoStore, person: str, ticket_id: str, file_id: str) -> Download:
    """Return the file, and write who took it into the audit record. Refuse NotAllowed and NotFound."""
    async with database.transaction() as session:
        await require(session, person, Permission.SEE_TICKETS)
        row = await session.get(TicketFileRow, file_id[:26])
        if row is None or row.ticket_id != ticket_id:
            raise NotFound(file=file_id[:26])
        session.add(by_person(person, "console:ticket:download", ticket_id, facts={"file": row.id}))
    try:
        content = await asyncio.to_thread(store.read, row.sha256)
    except PhotoMissing:
        raise NotFound(file=row.id) from None
    return Download(row.name, row.media_type, content)
