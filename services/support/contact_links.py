"""A mail contact is joined with the seller whom they prove to be: an agent asks, the seller confirms, and it can be undone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import outbox
from database.repositories.notices import tell
from database.tables.cards import CardRow, SubmissionRow
from database.tables.people import SellerRow
from database.tables.support.contact_links import ContactLinkRow
from database.tables.support.tickets import ContactRow, TicketLinkRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import ContactLinkOver, ContactLinkWaits
from domain.errors.work import OwnWork
from domain.identifiers import new_id, short
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission
from domain.support.contact_links import LINK_LASTS, ContactLinkState
from domain.support.tickets import LinkedKind
from services.people.acting import standing
from services.people.permissions import require
from services.people.phone_lookup import SEARCHES
from services.people.rate_limit import Throttle
from services.people.seller_sign_in import e164, phone_index
from services.support.agents import changeable
from services.support.desk import SupportDesk
from services.support.history import happened

ASKED = "contact.asked"  # The seller reads it as a short message.


class ContactLinks:
    """Questions whether a mail address is a seller's. `person` is a person's id, `owner` `seller:<id>`."""

    def __init__(self, desk: SupportDesk) -> None:
        self._desk = desk
        self._throttle = Throttle(desk.database, SEARCHES)

    async def ask(self, person: str, ticket_id: str, phone: str) -> str:
        """Ask the seller of this telephone whether the ticket's mail address is theirs; return the question's id.

        Refuse what `changeable` refuses, NotFound for a ticket that is not of a mail address alone, PhoneInvalid,
        FieldInvalid (`phone`) for a phone of no seller, OwnWork, ContactLinkWaits and TooManyTries.
        """
        index = phone_index(self._desk.keyring, e164(phone))
        await self._throttle.hit("search", person)
        async with self._desk.database.transaction() as session:
            now = self._desk.now()
            ticket, _ = await changeable(session, person, ticket_id, now)
            contact = await _contact_of(session, ticket)
            found = await session.execute(select(SellerRow).where(SellerRow.phone_index == index))
            if (seller := found.scalar_one_or_none()) is None:
                raise FieldInvalid(field="phone", why="not_found")
            if f"seller:{seller.id}" in (await standing(session, person, now)).relatives:
                raise OwnWork()
            await _end_old(session, contact.id, now)
            row = ContactLinkRow(
                id=new_id(), contact_id=contact.id, seller_id=seller.id, ticket_id=ticket.id, asked_by=person,
                asked_at=now, expires_at=now + LINK_LASTS,
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ContactLinkWaits() from None
            happened(session, ticket, f"person:{person}", "contact_asked", now, link=row.id)
            facts = {"address": contact.address_masked, "page": "/tickets"}
            await outbox.put(session, "message", f"seller:{seller.id}", ASKED, facts)
        return row.id

    async def withdraw(self, person: str, ticket_id: str, link_id: str) -> None:
        """Take the question back. Refuse what `changeable` refuses, NotFound and ContactLinkOver."""
        async with self._desk.database.transaction() as session:
            ticket, _ = await changeable(session, person, ticket_id, self._desk.now())
            row, contact = await self._of(session, link_id, ContactLinkState.ASKED)
            if ticket.requester != f"contact:{contact.id}":
                raise NotFound(link=link_id[:26])
            self._end(session, ticket, row, ContactLinkState.WITHDRAWN, f"person:{person}")

    async def answer(self, owner: str, link_id: str, *, theirs: bool) -> None:
        """Confirm that the address is the seller's, so that its tickets are, too; or say that it is not.

        Refuse NotFound to all others, and ContactLinkOver.
        """
        async with self._desk.database.transaction() as session:
            row, contact = await self._of(session, link_id, ContactLinkState.ASKED)
            if owner != f"seller:{row.seller_id}":
                raise NotFound(link=link_id[:26])
            ticket = await session.get_one(TicketRow, row.ticket_id, with_for_update=True)
            state = ContactLinkState.CONFIRMED if theirs else ContactLinkState.DECLINED
            self._end(session, ticket, row, state, owner)
            if theirs:
                await _pass_to(session, contact, row.seller_id, owner)
            facts = {"ticket": short(ticket.id), "news_of_ticket": f"contact_{state.value}"}
            key = f"{NoticeKind.TICKET}:{row.id}"
            await tell(session, {row.asked_by}, NoticeKind.TICKET, key, task_id=ticket.task_id, **facts)

    async def undo(self, actor: str, link_id: str) -> None:
        """Take contact and seller apart again: the seller themselves, or `person:<id>` who leads support.

        Cards of the seller are no longer linked to the contact's tickets. Refuse NotAllowed, NotFound and ContactLinkOver.
        """
        kind, _, number = actor.partition(":")
        async with self._desk.database.transaction() as session:
            if kind == "person":
                await require(session, number, Permission.LEAD_SUPPORT)
            row, contact = await self._of(session, link_id, ContactLinkState.CONFIRMED)
            if kind != "person" and actor != f"seller:{row.seller_id}":
                raise NotFound(link=link_id[:26])
            ticket = await session.get_one(TicketRow, row.ticket_id, with_for_update=True)
            self._end(session, ticket, row, ContactLinkState.UNDONE, actor)
            await _unlink_cards(session, contact, f"seller:{row.seller_id}")
            await _pass_to(session, contact, None, f"contact:{contact.id}")

    def _end(
        self, session: AsyncSession, ticket: TicketRow, row: ContactLinkRow, state: ContactLinkState, by: str
    ) -> None:  # fmt: skip
        row.state, row.ended_by, row.ended_at = state, by, self._desk.now()
        happened(session, ticket, by, f"contact_{state.value}", self._desk.now(), link=row.id)

    async def _of(
        self, session: AsyncSession, link_id: str, wanted: ContactLinkState
    ) -> tuple[ContactLinkRow, ContactRow]:
        """The question and its contact, locked. Refuses NotFound, and ContactLinkOver for one in another state."""
        row = await session.get(ContactLinkRow, link_id[:26], with_for_update=True)
        if row is None:
            raise NotFound(link=link_id[:26])
        late = row.state is ContactLinkState.ASKED and row.expires_at <= self._desk.now()
        if row.state is not wanted or late:
            raise ContactLinkOver(state=row.state.value)
        return row, await session.get_one(ContactRow, row.contact_id, with_for_update=True)


async def _contact_of(session: AsyncSession, ticket: TicketRow) -> ContactRow:
    kind, _, number = ticket.requester.partition(":")
    contact = await session.get(ContactRow, number, with_for_update=True) if kind == "contact" else None
    if contact is None:
        raise NotFound(ticket=ticket.id)
    return contact


async def _end_old(session: AsyncSession, contact_id: str, now: datetime) -> None:
    """Expire a question without an answer, so that another can be asked."""
    old = (
        ContactLinkRow.contact_id == contact_id, ContactLinkRow.state == ContactLinkState.ASKED,
        ContactLinkRow.expires_at <= now,
    )  # fmt: skip
    over = update(ContactLinkRow).where(*old)
    await session.execute(over.values(state=ContactLinkState.WITHDRAWN, ended_by="machine", ended_at=now))


async def _pass_to(session: AsyncSession, contact: ContactRow, seller_id: str | None, owner: str) -> None:
    """Make the contact's tickets those of `owner`: relatives of a seller are kept from them, too."""
    contact.seller_id = seller_id
    tasks = select(TicketRow.task_id).where(TicketRow.requester == f"contact:{contact.id}")
    await session.execute(
        update(WorkItemRow).where(WorkItemRow.id.in_(tasks)).values(seller=owner).execution_options(synchronize_session=False)
    )  # fmt: skip


async def _unlink_cards(session: AsyncSession, contact: ContactRow, owner: str) -> None:
    tickets = select(TicketRow.id).where(TicketRow.requester == f"contact:{contact.id}")
    cards = select(CardRow.id).join(SubmissionRow).where(SubmissionRow.owner == owner)
    about = (
        TicketLinkRow.kind == LinkedKind.CARD,
        TicketLinkRow.ticket_id.in_(tickets),
        TicketLinkRow.subject.in_(cards),
    )
    await session.execute(delete(TicketLinkRow).where(*about).execution_options(synchronize_session=False))
