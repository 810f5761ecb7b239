"""Customers open tickets, and agents open them for callers: one row, one work item, one conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire_for
from database.reads.support.requesters import customer_of, is_theirs
from database.tables.cards import CardRow, SubmissionRow
from database.tables.people import PartnerRow, SellerRow
from database.tables.support.tickets import ContactRow, TicketLinkRow, TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.identifiers import new_id, ticket_task
from domain.people.roles import Permission
from domain.support.tickets import TEAM, TICKET, LinkedKind, MessageKind, TicketCategory, TicketChannel
from domain.work.task import Priority
from services.people.permissions import require
from services.support import clocks, grams
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.priority import prioritise
from services.support.words import attach, cleaned, masked, required_subject, required_words


@dataclass(frozen=True)
class NewTicket:
    """What a customer asks. `card_ids` must be cards of the requester; `key` makes a form sent twice one ticket."""

    category: TicketCategory
    subject: str
    words: str = field(repr=False)
    card_ids: tuple[str, ...] = ()
    files: Sequence[tuple[str, bytes]] = ()
    key: str | None = None
    mail_id: str | None = None
    shortened: bool = False
    at: datetime | None = None  # When they wrote it, where that was before we read it.
    earlier: str | None = None  # A ticket of the same requester that this one follows up.


@dataclass(frozen=True)
class Opening:
    """Opens tickets. `requester` is seller:<id>, partner:<id> or contact:<id>."""

    desk: SupportDesk

    async def open(self, requester: str, asked: NewTicket, channel: TicketChannel) -> str:
        """Open a ticket for the customer and return its id; the same `key` of the same requester returns the first one.

        Refuse NotFound for another one's card or earlier ticket, FieldInvalid (`subject`, `words`, `files`) and what files are refused for.
        """
        return await self._open(requester, asked, channel, requester)

    async def open_for(self, person: str, requester: str, asked: NewTicket) -> str:
        """Open a ticket for a caller; the words are the agent's record of the call. Refuse NotAllowed, too."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
        return await self._open(requester, asked, TicketChannel.PHONE, f"person:{person}")

    async def _open(self, requester: str, asked: NewTicket, channel: TicketChannel, by: str) -> str:
        subject, words = required_subject(asked.subject), required_words(asked.words, asked.files)
        kept = await cleaned(self.desk.store, asked.files)
        async with self.desk.database.transaction() as session:
            if asked.key is not None:
                await acquire_for(session, AdvisoryLock.TICKET_KEYS, f"{requester} {asked.key}")
            if (known := await self._known(session, requester, asked.key)) is not None:
                return known
            now = self.desk.now()
            ticket, task = self._rows(requester, asked, channel, by, await language_of(session, requester), now)
            task.seller = await customer_of(session, requester)  # Whose relatives are kept from it.
            session.add(task)
            await session.flush()
            session.add(ticket)
            await session.flush()
            for card_id in dict.fromkeys(asked.card_ids):
                await link_card(session, ticket, card_id, by, now)
            if asked.earlier is not None:
                await link_earlier(session, ticket, asked.earlier, by, now)
            said = await masked(session, self.desk.keyring, ticket.id, words)
            titled = await masked(session, self.desk.keyring, ticket.id, subject)
            ticket.subject = titled.words
            message = TicketMessageRow(
                id=new_id(), ticket_id=ticket.id, kind=MessageKind.CUSTOMER, author=by, words=said.words, channel=channel,
                masked=said.found or titled.found, shortened=asked.shortened, at=asked.at or now, effective_at=now, sent_at=now,
                idempotency_key=asked.key, mail_id=asked.mail_id,
            )  # fmt: skip
            session.add(message)
            await session.flush()
            attach(session, message, kept)
            policy = await prioritise(session, ticket, task, now)
            facts = {"category": asked.category.value, "channel": channel.value, "policy": policy}
            happened(session, ticket, by, "opened", now, **facts)
            await clocks.follow(session, ticket, task, now, "opened")
            await grams.index(session, ticket.id)
        return ticket.id

    def _rows(
        self, requester: str, asked: NewTicket, channel: TicketChannel, by: str, language: str, now: datetime
    ) -> tuple[TicketRow, WorkItemRow]:
        ticket_id = new_id()
        task = WorkItemRow(
            id=ticket_task(ticket_id), kind=TICKET, language=language, seller=requester, team=TEAM, value_minor=0,
            reasons=[asked.category.value], priority=Priority.NORMAL, opened_at=now, order_at=now, warn_at=now, due_at=now,
        )  # fmt: skip
        ticket = TicketRow(
            id=ticket_id, task_id=task.id, category=asked.category, channel=channel, language=language,
            subject=asked.subject, requester=requester, opened_by=by, opened_at=now, heard_at=now, unanswered_since=now,
        )  # fmt: skip
        return ticket, task

    async def _known(self, session: AsyncSession, requester: str, key: str | None) -> str | None:
        if key is None:
            return None
        statement = (
            select(TicketRow.id)
            .join(TicketMessageRow, TicketMessageRow.ticket_id == TicketRow.id)
            .where(TicketRow.requester == requester, TicketMessageRow.idempotency_key == key)
            .order_by(TicketRow.id)
            .limit(1)
        )
        return (await session.execute(statement)).scalar_one_or_none()


async def link_card(session: AsyncSession, ticket: TicketRow, card_id: str, by: str, now: datetime) -> None:
    """Say that the ticket is about a card of its requester. Refuse NotFound for any other card."""
    owner = await customer_of(session, ticket.requester)
    own = select(CardRow.id).join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
    found = await session.execute(own.where(CardRow.id == card_id, SubmissionRow.owner == owner))
    if found.scalar_one_or_none() is None:
        raise NotFound(card=card_id[:26])
    session.add(TicketLinkRow(ticket_id=ticket.id, kind=LinkedKind.CARD, subject=card_id, by=by, at=now))
    await session.flush()


async def link_earlier(session: AsyncSession, ticket: TicketRow, earlier: str, by: str, now: datetime) -> None:
    """Record that the ticket follows up an earlier one of its requester. Refuse NotFound for any other one."""
    found = await session.get(TicketRow, earlier)
    if found is None or not await is_theirs(session, found.requester, ticket.requester):
        raise NotFound(ticket=earlier[:26])
    for one, other in ((ticket.id, earlier), (earlier, ticket.id)):
        session.add(TicketLinkRow(ticket_id=one, kind=LinkedKind.TICKET, subject=other, by=by, at=now))
    await session.flush()


async def language_of(session: AsyncSession, requester: str) -> str:
    """Return the locale that the customer reads. Refuse NotFound for a customer who is not known."""
    kind, _, number = requester.partition(":")
    if kind == "seller" and (seller := await session.get(SellerRow, number)) is not None:
        return seller.locale
    if kind == "contact" and (contact := await session.get(ContactRow, number)) is not None:
        return contact.locale
    if kind == "partner" and await session.get(PartnerRow, number) is not None:
        return "zh_CN"
    raise NotFound(requester=requester[:40])
