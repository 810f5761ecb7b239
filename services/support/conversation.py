"""The conversation of a ticket: customers write, agents reply, and a reply can be taken back until it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.requesters import is_theirs
from database.repositories import outbox
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import CustomerWrote, ReplyLeft, TicketEnded
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.tickets import tickets_in_force
from domain.sealing import KeyRing
from domain.support.thanks import is_thanks
from domain.support.tickets import MessageKind, TicketChannel, TicketState
from domain.work.reason_codes import ReasonedAct
from services.people.permissions import require
from services.support import clocks, grams
from services.support.announcing import CLOSED, CLOSING, REOPENED, SOLVED, announce
from services.support.desk import SupportDesk
from services.support.following import tell_followers
from services.support.history import happened
from services.support.undoing import unanswer
from services.support.words import attach, cleaned, masked, required_words
from services.work import drafts
from services.work.assignment import require_able
from services.work.items import suspended
from services.work.leases import end_lease, require_held
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_number


class AfterReply(StrEnum):
    """What the ticket waits for once a reply has left."""

    OPEN = "open"  # The agent has more to do.
    WAIT = "wait"  # For the customer's answer; the clocks pause.
    SOLVE = "solve"  # For nothing: it is solved.


@dataclass(frozen=True)
class Heard:
    """What a customer adds. `key` makes a form sent twice one message; `mail_id` is a Message-ID without brackets."""

    words: str = field(repr=False)
    channel: TicketChannel
    files: Sequence[tuple[str, bytes]] = ()
    key: str | None = None
    mail_id: str | None = None
    shortened: bool = False
    author: str = ""  # Who wrote it, where that is another one whom the requester made part of the conversation.
    closing: bool = False  # Pure thanks, or an automatic answer: it neither reopens the ticket nor starts a clock.


@dataclass(frozen=True)
class Reply:
    """An agent's public reply. `seen` is the newest message on the agent's page; empty: not asked for."""

    words: str = field(repr=False)
    after: AfterReply = AfterReply.WAIT
    solution: str = ""  # Of the list `solve_ticket`, where `after` solves.
    files: Sequence[tuple[str, bytes]] = ()
    key: str | None = None
    seen: str = ""


@dataclass(frozen=True)
class Conversation:
    """What is said in a ticket. `person` is a person's id, `requester` as in `TicketRow`."""

    desk: SupportDesk

    async def hear(self, requester: str, ticket_id: str, heard: Heard) -> str:
        """Add the customer's message, reopen a solved ticket, and return the message's id.

        Refuse NotFound for another one's ticket, TicketEnded for a closed or merged one, FieldInvalid, and what files are
        refused for.
        """
        words, kept = required_words(heard.words, heard.files), await cleaned(self.desk.store, heard.files)
        async with self.desk.database.transaction() as session:
            ticket, task = await locked(session, ticket_id)
            if not await is_theirs(session, ticket.requester, requester):
                raise NotFound(ticket=ticket_id[:26])
            if (known := await _with_key(session, ticket_id, heard.key)) is not None:
                return known
            if ticket.state is TicketState.CLOSED:
                raise TicketEnded(into=ticket.merged_into or "")
            now, said = self.desk.now(), await masked(session, self.desk.keyring, ticket.id, words)
            message = TicketMessageRow(
                id=new_id(), ticket_id=ticket.id, kind=MessageKind.CUSTOMER, author=heard.author or requester, words=said.words,
                channel=heard.channel, masked=said.found, shortened=heard.shortened, at=now, effective_at=now, sent_at=now,
                idempotency_key=heard.key, mail_id=heard.mail_id,
            )  # fmt: skip
            session.add(message)
            await session.flush()
            attach(session, message, kept)
            ticket.heard_at = now
            thanks = ticket.state is TicketState.SOLVED and not heard.files and is_thanks(words)
            if not (heard.closing or thanks):
                await self._wanted_again(session, ticket, task, message.author, now)
            await grams.index(session, ticket.id)
        return message.id

    async def reply(self, person: str, ticket_id: str, reply: Reply) -> str:
        """Write a public reply that leaves in a few seconds, until which it can be taken back; return the message's id.

        For the holder of the ticket. Refuse NotAllowed, NotFound, TicketEnded, what `require_held` refuses, SecretInWords,
        FieldInvalid, ReasonUnknown, and CustomerWrote where something was said after `reply.seen`.
        """
        words, kept = required_words(reply.words, reply.files), await cleaned(self.desk.store, reply.files)
        require_no_number(words)
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            ticket, task = await locked(session, ticket_id)
            if (known := await _with_key(session, ticket_id, reply.key)) is not None:
                return known
            if ticket.state is TicketState.CLOSED:
                raise TicketEnded(into=ticket.merged_into or "")
            now = self.desk.now()
            require_held(task, person, now)
            await require_able(session, person, task, now)
            await require_seen(session, ticket_id, reply.seen)
            message = await write_reply(
                session, self.desk.keyring, ticket, task, person, replace(reply, words=words), now
            )
            attach(session, message, kept)
        return message.id

    async def take_back(self, person: str, message_id: str) -> None:
        """Take back a reply that has not left; the ticket is open again. Refuse NotFound, NotAllowed and ReplyLeft."""
        async with self.desk.database.transaction() as session:
            message = await session.get(TicketMessageRow, message_id[:26])
            if message is None or message.author != f"person:{person}":
                raise NotFound(message=message_id[:26])
            ticket, task = await locked(session, message.ticket_id)  # First, as where replies leave.
            await session.refresh(message)
            if message.withdrawn_at is not None:
                return
            now = self.desk.now()
            if message.sent_at is not None or message.effective_at <= now:
                raise ReplyLeft()
            message.withdrawn_at = now
            await session.flush()
            await unanswer(session, ticket, message)
            reopen(ticket, task)
            happened(session, ticket, f"person:{person}", "reply_taken_back", now, message=message.id)
            await clocks.follow(session, ticket, task, now, "resumed")
            await grams.index(session, ticket.id)

    async def _wanted_again(
        self, session: AsyncSession, ticket: TicketRow, task: WorkItemRow, actor: str, now: datetime
    ) -> None:
        """The customer waits for an answer: a waiting or solved ticket is open again."""
        solved = ticket.state is TicketState.SOLVED
        ticket.unanswered_since = ticket.unanswered_since or now
        task.snoozed_until = None
        if ticket.state is not TicketState.WAITING_INSIDE:
            reopen(ticket, task)
        if solved:
            ticket.reopened += 1
            await announce(session, ticket, REOPENED)
        what = "reopened" if solved else "customer_wrote"
        happened(session, ticket, actor, what, now)
        await tell_followers(session, ticket, actor, what, now)
        await clocks.follow(session, ticket, task, now, "resumed")


async def write_reply(
    session: AsyncSession,
    keyring: KeyRing,
    ticket: TicketRow,
    task: WorkItemRow,
    person: str,
    reply: Reply,
    now: datetime,
) -> TicketMessageRow:
    """Write the reply of who holds the locked ticket, and let the ticket wait for what comes after it.

    Refuse FieldInvalid (`words`) for a card number or PIN, and ReasonUnknown.
    """
    if (await masked(session, keyring, ticket.id, reply.words)).found:
        raise FieldInvalid(field="words", why="secret")
    if reply.after is AfterReply.SOLVE:
        await require_reason(session, ReasonedAct.SOLVE_TICKET, reply.solution)
    rules = tickets_in_force(business_day(now))
    message = TicketMessageRow(
        id=new_id(), ticket_id=ticket.id, kind=MessageKind.REPLY, author=f"person:{person}", words=reply.words,
        channel=ticket.channel, at=now, effective_at=now + timedelta(seconds=rules.reply_undo_s), waited_since=ticket.unanswered_since,
        idempotency_key=reply.key,
    )  # fmt: skip
    session.add(message)
    await session.flush()
    await drafts.forget(session, task.id, person)
    facts = {"message": message.id, "after": reply.after.value, "policy": rules.version}
    happened(session, ticket, f"person:{person}", "replied", now, **facts)
    ticket.replied_at, ticket.unanswered_since = now, None
    ticket.first_replied_at = ticket.first_replied_at or now
    await wait_for(session, ticket, task, person, reply.after, reply.solution, now)
    await tell_followers(session, ticket, f"person:{person}", "replied", now)
    await grams.index(session, ticket.id)
    return message


async def wait_for(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, person: str, after: AfterReply, solution: str, now: datetime
) -> None:  # fmt: skip
    """Have the ticket wait for the customer or for nothing more, or be open; the caller judged the solution."""
    if after is AfterReply.SOLVE:
        solve(ticket, task, person, solution, now)
    elif ticket.inside_desk is not None:  # It waits for a desk before it waits for the customer.
        ticket.state = TicketState.WAITING_INSIDE
        if after is AfterReply.WAIT:
            end_lease(task)
    elif after is AfterReply.WAIT:
        ticket.state, ticket.waits_since = TicketState.WAITING_CUSTOMER, now
        end_lease(task)
    else:
        ticket.state = TicketState.OPEN
    await clocks.follow(session, ticket, task, now, "answered")


def solve(ticket: TicketRow, task: WorkItemRow, person: str | None, solution: str, now: datetime) -> None:
    """Set a ticket solved; the caller writes history and clocks."""
    ticket.state, ticket.solution, ticket.inside_desk = TicketState.SOLVED, solution, None
    ticket.solved_at, ticket.solved_by, ticket.waits_since = now, person, None
    suspended(task, now)


def reopen(ticket: TicketRow, task: WorkItemRow) -> None:
    """Set a ticket open, or waiting for the desk that is still asked; the caller writes history and clocks."""
    ours = TicketState.OPEN if ticket.first_replied_at is not None else TicketState.NEW
    ticket.state = ours if ticket.inside_desk is None else TicketState.WAITING_INSIDE
    ticket.waits_since = ticket.solved_at = ticket.solved_by = None
    ticket.solution, task.closed_at = "", None


async def depart(session: AsyncSession, ticket: TicketRow, now: datetime) -> int:
    """Let the replies whose time has come leave, and return how many; each is announced to the customer once."""
    due = (
        select(TicketMessageRow)
        .where(
            TicketMessageRow.ticket_id == ticket.id, TicketMessageRow.sent_at.is_(None),
            TicketMessageRow.withdrawn_at.is_(None), TicketMessageRow.effective_at <= now,
        )
        .order_by(TicketMessageRow.id)
        .with_for_update()
    )  # fmt: skip
    leaving = (await session.execute(due)).scalars().all()
    for message in leaving:
        message.sent_at = now
        await _announce(session, ticket, message)
    if ticket.state is TicketState.SOLVED and any(one.at == ticket.solved_at for one in leaving):
        await announce(session, ticket, SOLVED)
    return len(leaving)


async def _announce(session: AsyncSession, ticket: TicketRow, message: TicketMessageRow) -> None:
    kind = ticket.requester.partition(":")[0]
    silent = {TicketState.WAITING_CUSTOMER: CLOSING, TicketState.SOLVED: CLOSED}.get(ticket.state)
    if message.kind is MessageKind.NOTICE and silent is not None and kind != "contact":  # Mail carries its words.
        await announce(session, ticket, silent)
        return
    payload = {"ticket_id": ticket.id, "message_id": message.id, "state": ticket.state.value}
    if kind == "seller":
        await outbox.put(session, "message", ticket.requester, "ticket.answered", payload)
    elif kind == "contact":
        await outbox.put(session, outbox.MAIL, ticket.requester, "ticket.answered", payload)
    elif kind == "partner":
        await outbox.put(session, "webhook", ticket.requester, "ticket.answered", payload)


async def locked(session: AsyncSession, ticket_id: str) -> tuple[TicketRow, WorkItemRow]:
    """Return the ticket and its work item, locked in this order until the transaction ends. Refuse NotFound."""
    ticket = await session.get(TicketRow, ticket_id, with_for_update=True, populate_existing=True)
    if ticket is None:
        raise NotFound(ticket=ticket_id[:26])
    return ticket, await session.get_one(WorkItemRow, ticket.task_id, with_for_update=True, populate_existing=True)


async def locked_question(
    session: AsyncSession, escalation_id: str
) -> tuple[TicketRow, WorkItemRow, TicketEscalationRow]:
    """Return a question to another desk with its ticket and the ticket's work item, locked as by `locked`, the question last.

    Refuse NotFound.
    """
    known = await session.get(TicketEscalationRow, escalation_id[:26])
    if known is None:
        raise NotFound(escalation=escalation_id[:26])
    ticket, task = await locked(session, known.ticket_id)
    return (
        ticket,
        task,
        await session.get_one(TicketEscalationRow, known.id, with_for_update=True, populate_existing=True),
    )


async def _with_key(session: AsyncSession, ticket_id: str, key: str | None) -> str | None:
    if key is None:
        return None
    same = (TicketMessageRow.ticket_id == ticket_id, TicketMessageRow.idempotency_key == key)
    return (await session.execute(select(TicketMessageRow.id).where(*same))).scalar_one_or_none()


async def require_seen(session: AsyncSession, ticket_id: str, seen: str) -> None:
    """Refuse CustomerWrote when a message that was not withdrawn is newer than the one on the agent's page."""
    if not seen:
        return
    newer = (
        select(TicketMessageRow)
        .where(
            TicketMessageRow.ticket_id == ticket_id, TicketMessageRow.id > seen, TicketMessageRow.withdrawn_at.is_(None)
        )
        .order_by(TicketMessageRow.id.desc())
        .limit(1)
    )
    found = (await session.execute(newer)).scalar_one_or_none()
    if found is not None:
        raise CustomerWrote(by=found.author, since=found.at.isoformat())
