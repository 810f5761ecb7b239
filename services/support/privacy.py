"""A copy of a seller's data: prepared by staff on their privacy request, fetched by the seller, and erased when it expires."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import SellerRow
from database.tables.support.privacy import ErasureRow, PrivacyCopyRow
from database.tables.support.tickets import TicketRow
from domain.errors.general import NotFound
from domain.errors.support import CopyExpired, NoPrivacyRequest
from domain.people.roles import Permission
from domain.support.privacy import COPY_LASTS
from domain.support.tickets import TicketCategory, TicketState
from gateways.pictures.store import PhotoMissing
from services.people.permissions import require
from services.support.announcing import COPY_READY, announce
from services.support.conversation import locked
from services.support.data_copy import gather, packed
from services.support.desk import SupportDesk
from services.support.files import KeptFile
from services.support.history import happened

ZIP = "application/zip"
SWEPT_MAX = 20


@dataclass(frozen=True)
class Privacy:
    """Copies of a seller's data. `person` is a person's id, `requester` as in `TicketRow`."""

    desk: SupportDesk

    async def prepare(self, person: str, ticket_id: str) -> None:
        """Prepare the copy that the seller can fetch from the ticket for two weeks; one that was prepared before goes.

        The caller has asked who is there. Refuse NotAllowed, NotFound, and NoPrivacyRequest for any other ticket.
        """
        now = self.desk.now()
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.PREPARE_COPY)
            ticket = await session.get(TicketRow, ticket_id)
            seller = await seller_of(session, ticket)
            tables, locale = await gather(session, self.desk.keyring, seller), seller.locale
        content = await asyncio.to_thread(packed, tables, locale, now)
        digest = await asyncio.to_thread(self.desk.store.write, content)
        async with self.desk.database.transaction() as session:
            ticket, _ = await locked(session, ticket_id)
            row = await session.get(PrivacyCopyRow, ticket_id)
            before = None if row is None or row.erased_at is not None else row.sha256
            if row is None:
                row = PrivacyCopyRow(
                    ticket_id=ticket_id, sha256=digest, size_bytes=len(content), prepared_by=person, expires_at=now
                )
                session.add(row)
            row.sha256, row.size_bytes, row.prepared_by, row.prepared_at = digest, len(content), person, now
            row.expires_at, row.fetched_at, row.erased_at = now + COPY_LASTS, None, None
            happened(session, ticket, f"person:{person}", "copy_prepared", now)
            await announce(session, ticket, COPY_READY)
        if before is not None and before != digest:
            await asyncio.to_thread(self.desk.store.erase, before)

    async def fetch(self, requester: str, ticket_id: str) -> KeptFile:
        """Return the zip to the seller whose data it is. Refuse NotFound, and CopyExpired for one that is gone."""
        now = self.desk.now()
        async with self.desk.database.transaction() as session:
            ticket, _ = await locked(session, ticket_id)
            row = await session.get(PrivacyCopyRow, ticket_id)
            if ticket.requester != requester or row is None:
                raise NotFound(ticket=ticket_id[:26])
            if row.erased_at is not None or row.expires_at <= now:
                raise CopyExpired()
            try:
                content = await asyncio.to_thread(self.desk.store.read, row.sha256)
            except PhotoMissing:
                raise CopyExpired() from None
            row.fetched_at = row.fetched_at or now
            happened(session, ticket, requester, "copy_fetched", now)
        return KeptFile(f"cardloop-{now:%Y%m%d}.zip", ZIP, content)

    async def sweep(self) -> int:
        """Erase copies that expired, and files of confirmed erasures that are still there; return how many rows were dealt with."""
        async with self.desk.database.transaction() as session:
            over = (PrivacyCopyRow.expires_at <= self.desk.now(), PrivacyCopyRow.erased_at.is_(None))
            copies = (await session.execute(select(PrivacyCopyRow).where(*over).order_by(PrivacyCopyRow.expires_at, PrivacyCopyRow.ticket_id).limit(SWEPT_MAX).with_for_update())).scalars().all()  # fmt: skip
            for copy in copies:
                await asyncio.to_thread(self.desk.store.erase, copy.sha256)
                copy.erased_at = self.desk.now()
            wanted = (
                select(ErasureRow)
                .where(ErasureRow.files != [])
                .order_by(ErasureRow.id)
                .limit(SWEPT_MAX)
                .with_for_update()
            )
            erasures = (await session.execute(wanted)).scalars().all()
            for erasure in erasures:
                for digest in erasure.files:
                    await asyncio.to_thread(self.desk.store.erase, digest)
                erasure.files = []
        return len(copies) + len(erasures)


async def seller_of(session: AsyncSession, ticket: TicketRow | None) -> SellerRow:
    """Return the seller whose privacy request the ticket is. Refuse NotFound and NoPrivacyRequest."""
    if ticket is None:
        raise NotFound()
    kind, _, number = ticket.requester.partition(":")
    seller = await session.get(SellerRow, number) if kind == "seller" else None
    if ticket.category is not TicketCategory.PRIVACY or seller is None or ticket.state is TicketState.CLOSED:
        raise NoPrivacyRequest()
    return seller
