"""Tickets as the customer and the agent read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.home.search import ends
from database.reads.support.requesters import is_of
from database.tables.support.tickets import (
    TicketEventRow,
    TicketFileRow,
    TicketLinkRow,
    TicketMessageRow,
    TicketRow,
)
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.support.tickets import MessageKind, TicketCategory, TicketState

MESSAGES_MAX = 500


@dataclass(frozen=True)
class Said:
    """One public message with its files, as both sides see it. `by_customer` tells the sides apart."""

    id: str
    kind: MessageKind
    author: str
    words: str
    at: datetime
    effective_at: datetime
    sent_at: datetime | None
    masked: bool
    shortened: bool
    undelivered: str
    files: tuple[TicketFileRow, ...]

    @property
    def by_customer(self) -> bool:
        """Return whether the customer wrote it, or an agent for them on the telephone."""
        return self.kind is MessageKind.CUSTOMER


@dataclass(frozen=True)
class TicketRecord:
    """A ticket with all that is shown beside it."""

    ticket: TicketRow
    task: WorkItemRow
    said: tuple[Said, ...]  # Oldest first; replies that were taken back are left out.
    links: tuple[TicketLinkRow, ...]
    events: tuple[TicketEventRow, ...]  # Oldest first.


@dataclass(frozen=True)
class TicketLine:
    """A ticket in a list."""

    id: str
    subject: str
    category: TicketCategory
    state: TicketState
    opened_at: datetime
    heard_at: datetime | None
    replied_at: datetime | None
    due_at: datetime


async def record(session: AsyncSession, ticket_id: str) -> TicketRecord:
    """Return the ticket whole. Refuse NotFound."""
    ticket = await session.get(TicketRow, ticket_id)
    if ticket is None:
        raise NotFound(ticket=ticket_id[:26])
    task = await session.get_one(WorkItemRow, ticket.task_id)
    links = await session.execute(
        select(TicketLinkRow)
        .where(TicketLinkRow.ticket_id == ticket_id)
        .order_by(TicketLinkRow.at, TicketLinkRow.subject)
    )
    events = await session.execute(
        select(TicketEventRow).where(TicketEventRow.ticket_id == ticket_id).order_by(TicketEventRow.id)
    )
    return TicketRecord(
        ticket, task, await conversation(session, ticket_id), tuple(links.scalars()), tuple(events.scalars())
    )


async def conversation(session: AsyncSession, ticket_id: str, *, sent_only: bool = False) -> tuple[Said, ...]:
    """Return the newest messages, oldest of them first; for the customer those alone that have left (`sent_only`)."""
    which = [TicketMessageRow.ticket_id == ticket_id, TicketMessageRow.withdrawn_at.is_(None)]
    if sent_only:
        which.append(TicketMessageRow.sent_at.is_not(None))
    newest = select(TicketMessageRow).where(*which).order_by(TicketMessageRow.id.desc()).limit(MESSAGES_MAX)
    rows = list((await session.execute(newest)).scalars())[::-1]
    kept = select(TicketFileRow).where(TicketFileRow.ticket_id == ticket_id).order_by(TicketFileRow.id)
    files: dict[str, list[TicketFileRow]] = {}
    for one in (await session.execute(kept)).scalars():
        files.setdefault(one.message_id, []).append(one)
    return tuple(
        Said(
            row.id, row.kind, row.author, row.words, row.at, row.effective_at, row.sent_at, row.masked, row.shortened,
            row.undelivered, tuple(files.get(row.id, ())),
        )
        for row in rows
    )  # fmt: skip


async def of_requester(session: AsyncSession, requester: str, limit: int = 50) -> tuple[TicketLine, ...]:
    """Return the customer's newest tickets, those of their confirmed mail addresses among them, newest first."""
    statement = (
        select(TicketRow, WorkItemRow.due_at)
        .join(WorkItemRow, WorkItemRow.id == TicketRow.task_id)
        .where(is_of(requester))
        .order_by(TicketRow.opened_at.desc(), TicketRow.id.desc())
        .limit(limit)
    )
    return tuple(_line(ticket, due_at) for ticket, due_at in await session.execute(statement))


def _line(ticket: TicketRow, due_at: datetime) -> TicketLine:
    return TicketLine(
        ticket.id, ticket.subject, ticket.category, ticket.state, ticket.opened_at, ticket.heard_at, ticket.replied_at,
        due_at,
    )  # fmt: skip


async def lines(session: AsyncSession, ids: Sequence[str]) -> tuple[TicketLine, ...]:
    """Return these tickets in the order of their ids as given."""
    statement = (
        select(TicketRow, WorkItemRow.due_at)
        .join(WorkItemRow, WorkItemRow.id == TicketRow.task_id)
        .where(TicketRow.id.in_(ids))
    )
    found = {ticket.id: _line(ticket, due_at) for ticket, due_at in await session.execute(statement)}
    return tuple(found[one] for one in ids if one in found)


async def ids_ending(session: AsyncSession, ending: str) -> tuple[str, ...]:
    """Return the ids of the newest tickets whose id ends so, two at most: one is found, or it is not clear which."""
    newest = select(TicketRow.id).where(ends(TicketRow.id, ending)).order_by(TicketRow.id.desc()).limit(2)
    return tuple((await session.execute(newest)).scalars())
