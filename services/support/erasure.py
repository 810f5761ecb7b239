"""Erase a seller's data on request: one person proposes it, another agrees; data that the law keeps stay, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.privacy import ErasureRow
from database.tables.support.tickets import TicketRow
from domain.errors.general import NotFound
from domain.errors.support import ErasureWaits
from domain.errors.work import OwnWork
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.review.four_eyes import apart
from services.people.acting import handled_by, standing
from services.people.permissions import require
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.erasable import erasable
from services.support.erasing import erase
from services.support.history import happened
from services.support.privacy import seller_of


@dataclass(frozen=True)
class Erasures:
    """Proposes and carries out erasures. `person` is a person's id."""

    desk: SupportDesk

    async def propose(self, person: str, ticket_id: str) -> str:
        """Propose the erasure on the seller's privacy request; return its id. Nothing is erased before another person agrees.

        Refuse NotAllowed, NotFound, NoPrivacyRequest, and ErasureWaits while one waits.
        """
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ERASE_DATA)
            ticket, _ = await locked(session, ticket_id)
            await seller_of(session, ticket)
            circle = (await standing(session, person, self.desk.now())).circle
            row = ErasureRow(id=new_id(), ticket_id=ticket_id, proposed_by=person, proposers=sorted(circle))
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ErasureWaits() from None
            happened(session, ticket, f"person:{person}", "erasure_proposed", self.desk.now())
        return row.id

    async def confirm(self, person: str, ticket_id: str, erasure_id: str) -> None:
        """Agree as the second person, and erase; the account is closed once the request is solved. The caller has asked who is there.

        Refuse NotAllowed, NotFound when it no longer waits, and OwnWork to a person who is not independent.
        """
        async with self.desk.database.transaction() as session:
            ticket, row = await self._waiting(session, person, ticket_id, erasure_id)
            seller = await seller_of(session, ticket)
            proposers, circle = frozenset(row.proposers), (await standing(session, person, self.desk.now())).circle
            if not apart(proposers, circle, await handled_by(session, proposers | circle, self.desk.now())):
                raise OwnWork()
            found = await erasable(session, self.desk.keyring, seller, ticket_id, self.desk.now())
            row.done, row.checked_by, row.confirmed_at = found.counts(), person, self.desk.now()
            await erase(session, self.desk.keyring, found, row, seller.locale, self.desk.now())
            facts = {name: str(count) for name, count in row.done.items()}
            happened(session, ticket, f"person:{person}", "erased", self.desk.now(), **facts)

    async def refuse(self, person: str, ticket_id: str, erasure_id: str) -> None:
        """Let the proposal fall, as another person or as its maker. Refuse NotAllowed and NotFound."""
        async with self.desk.database.transaction() as session:
            ticket, row = await self._waiting(session, person, ticket_id, erasure_id)
            row.checked_by, row.refused_at = person, self.desk.now()
            happened(session, ticket, f"person:{person}", "erasure_refused", self.desk.now())

    async def _waiting(
        self, session: AsyncSession, person: str, ticket_id: str, erasure_id: str
    ) -> tuple[TicketRow, ErasureRow]:
        await require(session, person, Permission.ERASE_DATA)
        ticket, _ = await locked(session, ticket_id)
        row = await session.get(ErasureRow, erasure_id)
        if row is None or row.ticket_id != ticket_id or row.confirmed_at is not None or row.refused_at is not None:
            raise NotFound(erasure=erasure_id[:26])
        return ticket, row
