"""Merge two tickets of one customer, or split a message off: no word moves or is lost, and both histories say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketFileRow, TicketLinkRow, TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import TicketsApart
from domain.identifiers import new_id, short
from domain.people.roles import Permission
from domain.support.tickets import LinkedKind, MessageKind, TicketCategory, TicketChannel, TicketState
from domain.work.lease import holder_of
from languages import translate
from services.people.permissions import require
from services.support import clocks, grams
from services.support.agents import changeable, require_open
from services.support.conversation import depart, locked, reopen
from services.support.desk import SupportDesk
from services.support.following import tell_followers
from services.support.handing import expire_due
from services.support.history import happened
from services.support.linking import link_tickets
from services.support.opening import NewTicket, Opening
from services.work import items
from services.work.leases import held_by_another


@dataclass(frozen=True)
class Merging:
    """Merges and splits. `person` is a person's id."""

    desk: SupportDesk

    async def merge(self, person: str, ticket_id: str, into_id: str) -> None:
        """Close the ticket as a part of another one of the same customer, who is notified; done once, however often it is sent.

        The messages stay where they were; cards, followers and the time since which the customer waits go over. Refuse what
        `changeable` refuses of the ticket, TicketEnded and TaskHeldByAnother of the other one, TicketsApart, and
        FieldInvalid (`into`) for a ticket into itself or one that another desk has.
        """
        if ticket_id == into_id:
            raise FieldInvalid(field="into", why="itself")
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            for one in sorted((ticket_id, into_id)):
                await locked(session, one)
            ticket, _ = await locked(session, ticket_id)
            if ticket.merged_into == into_id:
                return
            now = self.desk.now()
            ticket, task = await changeable(session, person, ticket_id, now)
            into, its_task = await locked(session, into_id)
            _require_fitting(ticket, into, its_task, person, now)
            await link_tickets(session, ticket, into, f"person:{person}", now)
            await _carry(session, ticket, into, person, now)
            await _close(session, ticket, task, into, person, now)
            await _wanted(session, into, its_task, ticket, person, now)

    async def split(self, person: str, message_id: str, subject: str, category: TicketCategory) -> str:
        """Make a message of the customer a ticket of its own, linked with this one; return its id, the same when sent twice.

        Refuse what `changeable` refuses, NotFound for a message that no customer wrote, FieldInvalid (`subject`).
        """
        async with self.desk.database.transaction() as session:
            message = await session.get(TicketMessageRow, message_id[:26])
            if message is None or message.kind is not MessageKind.CUSTOMER:
                raise NotFound(message=message_id[:26])
            ticket, _ = await changeable(session, person, message.ticket_id, self.desk.now())
            asked = NewTicket(
                category, subject, message.words, await _cards_of(session, ticket.id), key=f"split:{message.id}",
                at=message.at,
            )  # fmt: skip
            requester, channel = ticket.requester, ticket.channel
        # Its key makes the second transaction's work safe to repeat: the same message never opens two tickets.
        split_id = await self._open(requester, asked, channel, bool(message.words.strip()))
        async with self.desk.database.transaction() as session:
            await self._tie(session, person, message, split_id)
        return split_id

    async def _open(self, requester: str, asked: NewTicket, channel: TicketChannel, has_words: bool) -> str:
        if not has_words:  # A message of files alone: the subject says what it was about.
            asked = NewTicket(asked.category, asked.subject, asked.subject, asked.card_ids, key=asked.key, at=asked.at)
        return await Opening(self.desk).open(requester, asked, channel)

    async def _tie(self, session: AsyncSession, person: str, message: TicketMessageRow, split_id: str) -> None:
        """Link both tickets and show the message's files in the new one, once."""
        for one in sorted((message.ticket_id, split_id)):
            await locked(session, one)
        ticket, split = await session.get_one(TicketRow, message.ticket_id), await session.get_one(TicketRow, split_id)
        if await session.get(TicketLinkRow, (split_id, ticket.id)) is not None:
            return
        now, by = self.desk.now(), f"person:{person}"
        await link_tickets(session, ticket, split, by, now)
        first = select(TicketMessageRow.id).where(TicketMessageRow.ticket_id == split_id).order_by(TicketMessageRow.id)
        opening = (await session.execute(first.limit(1))).scalar_one()
        files = select(TicketFileRow).where(TicketFileRow.message_id == message.id).order_by(TicketFileRow.id)
        for file in (await session.execute(files)).scalars():
            session.add(
                TicketFileRow(
                    id=new_id(), ticket_id=split_id, message_id=opening, name=file.name, media_type=file.media_type,
                    size_bytes=file.size_bytes, sha256=file.sha256,
                )
            )  # fmt: skip
        happened(session, ticket, by, "split_off", now, message=message.id, other=split_id)
        happened(session, split, by, "split_from", now, other=ticket.id)


def _require_fitting(ticket: TicketRow, into: TicketRow, its_task: WorkItemRow, person: str, now: datetime) -> None:
    require_open(into)
    if ticket.requester != into.requester:
        raise TicketsApart()
    if ticket.inside_desk is not None:
        raise FieldInvalid(field="into", why="inside")
    if holder_of(its_task, now) not in (None, person):
        raise held_by_another(its_task)


async def _carry(session: AsyncSession, ticket: TicketRow, into: TicketRow, person: str, now: datetime) -> None:
    for card_id in await _cards_of(session, ticket.id):
        if await session.get(TicketLinkRow, (into.id, card_id)) is None:
            link = TicketLinkRow(
                ticket_id=into.id, kind=LinkedKind.CARD, subject=card_id, by=f"person:{person}", at=now
            )
            session.add(link)
    into.followers = list(dict.fromkeys([*into.followers, *ticket.followers]))


async def _close(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, into: TicketRow, person: str, now: datetime
) -> None:
    """Close the merged ticket; replies that can still be taken back leave now, before the notice to the customer."""
    pending = select(TicketMessageRow).where(
        TicketMessageRow.ticket_id == ticket.id, TicketMessageRow.sent_at.is_(None), TicketMessageRow.withdrawn_at.is_(None)
    )  # fmt: skip
    for reply in (await session.execute(pending)).scalars():
        reply.effective_at = now
    words = translate("ticket.notice.merged", ticket.language, {"subject": into.subject, "ticket": short(into.id)})
    session.add(
        TicketMessageRow(
            id=new_id(), ticket_id=ticket.id, kind=MessageKind.NOTICE, author="machine", words=words,
            channel=ticket.channel, at=now, effective_at=now, idempotency_key=f"merged:{into.id}",
        )
    )  # fmt: skip
    await session.flush()
    await grams.index(session, ticket.id)
    await depart(session, ticket, now)
    ticket.state, ticket.closed_at, ticket.merged_into = TicketState.CLOSED, now, into.id
    ticket.waits_since = None
    await items.closed(session, task, now)
    await expire_due(session, ticket, now)
    happened(session, ticket, f"person:{person}", "merged", now, other=into.id)
    await tell_followers(session, ticket, f"person:{person}", "merged", now)
    await clocks.follow(session, ticket, task, now, "resumed")


async def _wanted(
    session: AsyncSession, into: TicketRow, task: WorkItemRow, merged: TicketRow, person: str, now: datetime
) -> None:
    """The customer waits for an answer here since the earlier of both moments; a waiting or solved ticket is open again."""
    into.heard_at = max(filter(None, (into.heard_at, merged.heard_at)), default=None)
    if merged.unanswered_since is not None:
        into.unanswered_since = min(filter(None, (into.unanswered_since, merged.unanswered_since)))
        task.snoozed_until = None
        if into.state is TicketState.SOLVED:
            into.reopened += 1
        if into.state in (TicketState.SOLVED, TicketState.WAITING_CUSTOMER):
            reopen(into, task)
    happened(session, into, f"person:{person}", "merged_here", now, other=merged.id)
    await clocks.follow(session, into, task, now, "resumed")


async def _cards_of(session: AsyncSession, ticket_id: str) -> tuple[str, ...]:
    cards = select(TicketLinkRow.subject).where(
        TicketLinkRow.ticket_id == ticket_id, TicketLinkRow.kind == LinkedKind.CARD
    )
    return tuple((await session.execute(cards.order_by(TicketLinkRow.subject))).scalars())
