"""Erasing what a seller asked to have erased: one person proposes it, another agrees, and what the law keeps stays with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.cards import PhotoRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.support.privacy import ErasureRow
from database.tables.support.ratings import TicketRatingRow
from database.tables.support.tickets import ContactRow, TicketFileRow, TicketMessageRow, TicketRow
from database.tables.work import AttachmentRow
from domain.errors.general import NotFound
from domain.errors.support import ErasureWaits
from domain.errors.work import OwnWork
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.review.four_eyes import apart
from domain.support.privacy import ErasedPart
from domain.support.tickets import TicketState
from languages import translate
from services.people.acting import handled_by, standing
from services.people.permissions import require
from services.support import grams
from services.support.conversation import locked
from services.support.history import happened
from services.support.privacy import seller_of

ENDED = (TicketState.SOLVED, TicketState.CLOSED)


@dataclass(frozen=True)
class Erasable:
    """The rows that an erasure would change."""

    messages: Sequence[TicketMessageRow]
    files: Sequence[TicketFileRow]
    tickets: Sequence[TicketRow]  # Whose subject the person wrote.
    requests: Sequence[CallbackRequestRow]
    ratings: Sequence[TicketRatingRow]
    contacts: Sequence[ContactRow]

    def counts(self) -> dict[str, int]:
        """Return how many there are, by part."""
        by_part = {
            ErasedPart.MESSAGES: self.messages, ErasedPart.FILES: self.files, ErasedPart.REQUESTS: self.requests,
            ErasedPart.RATINGS: self.ratings, ErasedPart.CONTACTS: self.contacts,
        }  # fmt: skip
        return {part.value: len(rows) for part, rows in by_part.items()}


class Erasures:
    """Proposes and carries out erasures. `person` is a person's id."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def propose(self, person: str, ticket_id: str) -> str:
        """Propose the erasure on the seller's privacy request; return its id. Nothing is erased before another person agrees.

        Refuse NotAllowed, NotFound, NoPrivacyRequest, and ErasureWaits while one waits.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.ERASE_DATA)
            ticket, _ = await locked(session, ticket_id)
            await seller_of(session, ticket)
            circle = (await standing(session, person, self._now())).circle
            row = ErasureRow(id=new_id(), ticket_id=ticket_id, proposed_by=person, proposers=sorted(circle))
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ErasureWaits() from None
            happened(session, ticket, f"person:{person}", "erasure_proposed", self._now())
        return row.id

    async def confirm(self, person: str, ticket_id: str, erasure_id: str) -> None:
        """Agree as the second person, and erase. The caller has asked who is there.

        Refuse NotAllowed, NotFound when it waits no longer, and OwnWork to anybody who is no independent second person.
        """
        async with self._database.transaction() as session:
            ticket, row = await self._waiting(session, person, ticket_id, erasure_id)
            seller = await seller_of(session, ticket)
            proposers, circle = frozenset(row.proposers), (await standing(session, person, self._now())).circle
            if not apart(proposers, circle, await handled_by(session, proposers | circle, self._now())):
                raise OwnWork()
            found = await erasable(session, f"seller:{seller.id}", ticket_id)
            row.done, row.checked_by, row.confirmed_at = found.counts(), person, self._now()
            row.files = await _unshared(session, found.files)
            await _erase(session, found, seller.locale)
            for one in found.tickets:
                await grams.index(session, one.id)  # The search keeps the words, too.
            facts = {name: str(count) for name, count in row.done.items()}
            happened(session, ticket, f"person:{person}", "erased", self._now(), **facts)

    async def refuse(self, person: str, ticket_id: str, erasure_id: str) -> None:
        """Let the proposal fall, as another person or as its maker. Refuse NotAllowed and NotFound."""
        async with self._database.transaction() as session:
            ticket, row = await self._waiting(session, person, ticket_id, erasure_id)
            row.checked_by, row.refused_at = person, self._now()
            happened(session, ticket, f"person:{person}", "erasure_refused", self._now())

    async def _waiting(
        self, session: AsyncSession, person: str, ticket_id: str, erasure_id: str
    ) -> tuple[TicketRow, ErasureRow]:
        await require(session, person, Permission.ERASE_DATA)
        ticket, _ = await locked(session, ticket_id)
        row = await session.get(ErasureRow, erasure_id)
        if row is None or row.ticket_id != ticket_id or row.confirmed_at is not None or row.refused_at is not None:
            raise NotFound(erasure=erasure_id[:26])
        return ticket, row


async def erasable(session: AsyncSession, owner: str, request_id: str) -> Erasable:
    """Return what can be erased of a seller: their own words and files in ended tickets other than the request itself."""
    ended = (TicketRow.requester == owner, TicketRow.state.in_(ENDED), TicketRow.id != request_id)
    ids = select(TicketRow.id).where(*ended)
    messages = await _all(
        session, select(TicketMessageRow).where(TicketMessageRow.ticket_id.in_(ids), TicketMessageRow.author == owner)
    )
    files = select(TicketFileRow).where(TicketFileRow.message_id.in_([one.id for one in messages]))
    requests = select(CallbackRequestRow).where(
        CallbackRequestRow.seller == owner, CallbackRequestRow.closed_at.is_not(None), CallbackRequestRow.words != ""
    )
    ratings = select(TicketRatingRow).where(TicketRatingRow.ticket_id.in_(ids), TicketRatingRow.words != "")
    contacts = select(ContactRow).where(ContactRow.seller_id == owner.partition(":")[2], ContactRow.name != "")
    return Erasable(
        messages, await _all(session, files), await _all(session, select(TicketRow).where(*ended)),
        await _all(session, requests), await _all(session, ratings), await _all(session, contacts),
    )  # fmt: skip


async def _erase(session: AsyncSession, found: Erasable, locale: str) -> None:
    gone = translate("privacy.erased_words", locale)
    for message in found.messages:
        message.words = gone
    for ticket in found.tickets:
        ticket.subject = gone
    for request in found.requests:
        request.words = ""
    for rating in found.ratings:
        rating.words = ""
    for contact in found.contacts:
        contact.name = ""
    for file in found.files:
        await session.delete(file)
    await session.flush()


async def _unshared(session: AsyncSession, files: Iterable[TicketFileRow]) -> list[str]:
    """The files whose bytes no other row refers to: the store names them by their content."""
    rows = list(files)
    digests, ids = {one.sha256 for one in rows}, [one.id for one in rows]
    elsewhere = [
        select(TicketFileRow.sha256).where(TicketFileRow.sha256.in_(digests), TicketFileRow.id.not_in(ids)),
        select(AttachmentRow.sha256).where(AttachmentRow.sha256.in_(digests)),
        select(PhotoRow.stored_sha256).where(PhotoRow.stored_sha256.in_(digests)),
    ]
    shared = {one for chosen in elsewhere for one in await _all(session, chosen)}
    return sorted(digests - shared)


async def _all(session: AsyncSession, chosen: Select[Any]) -> Sequence[Any]:
    found: Sequence[Any] = (await session.execute(chosen)).scalars().all()
    return found
