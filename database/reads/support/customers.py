"""Tickets as their customer sees them: nothing of an agent's that has not left, and until when we promised to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.requesters import is_of
from database.reads.support.tickets import Said, conversation
from database.tables.support.tickets import TicketClockRow, TicketFileRow, TicketLinkRow, TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.support.tickets import ClockKind, LinkedKind, TicketCategory, TicketState

NOBODYS_TURN = frozenset({TicketState.WAITING_CUSTOMER, TicketState.SOLVED, TicketState.CLOSED})  # Of ours.


@dataclass(frozen=True)
class Promise:
    """Until when we promised to answer, or else to solve it (`solves`)."""

    due_at: datetime
    solves: bool


@dataclass(frozen=True)
class OwnTicket:
    """A ticket whole. `state` is what the customer may know: a reply that can still be taken back changes nothing yet."""

    id: str
    subject: str
    category: TicketCategory
    state: TicketState
    opened_at: datetime
    heard_at: datetime | None
    replied_at: datetime | None  # When the newest reply left.
    solved_at: datetime | None
    closed_at: datetime | None
    promise: Promise | None
    merged_into: str | None
    said: tuple[Said, ...]  # Oldest first.
    cards: tuple[str, ...]
    earlier: str | None  # The closed ticket that this one follows up.


@dataclass(frozen=True)
class OwnLine:
    """A ticket in the customer's list."""

    id: str
    subject: str
    category: TicketCategory
    state: TicketState
    opened_at: datetime
    heard_at: datetime | None
    due_at: datetime | None  # While it is our turn.


async def listed(
    session: AsyncSession, requester: str, *, before: str | None = None, limit: int
) -> tuple[tuple[OwnLine, ...], str | None]:
    """Return the customer's tickets, newest first, and the cursor of the next page (None at the end)."""
    statement = _lines(requester)
    if before is not None:
        statement = statement.where(TicketRow.id < before)
    rows = (await session.execute(statement.limit(limit + 1))).all()
    lines = tuple(_line(ticket, due_at, leaving) for ticket, due_at, leaving in rows[:limit])
    return lines, lines[-1].id if len(rows) > limit else None


async def of_card(session: AsyncSession, requester: str, card_id: str, limit: int = 5) -> tuple[OwnLine, ...]:
    """Return the customer's newest tickets about a card."""
    about = select(TicketLinkRow.ticket_id).where(
        TicketLinkRow.kind == LinkedKind.CARD, TicketLinkRow.subject == card_id
    )
    rows = await session.execute(_lines(requester).where(TicketRow.id.in_(about)).limit(limit))
    return tuple(_line(ticket, due_at, leaving) for ticket, due_at, leaving in rows)


async def own(session: AsyncSession, requester: str, ticket_id: str) -> OwnTicket:
    """Return the customer's ticket whole. Refuse NotFound for any other one."""
    found = (await session.execute(_lines(requester).where(TicketRow.id == ticket_id))).one_or_none()
    if found is None:
        raise NotFound(ticket=ticket_id[:26])
    ticket, due_at, leaving = found
    links = select(TicketLinkRow).where(TicketLinkRow.ticket_id == ticket_id).order_by(TicketLinkRow.subject)
    linked = (await session.execute(links)).scalars().all()
    said = await conversation(session, ticket_id, sent_only=True)
    state = _known(ticket.state, leaving)
    solved = state in (TicketState.SOLVED, TicketState.CLOSED)
    return OwnTicket(
        ticket.id, ticket.subject, ticket.category, state, ticket.opened_at, ticket.heard_at,
        max((one.sent_at or one.at for one in said if not one.by_customer), default=None),
        ticket.solved_at if solved else None, ticket.closed_at,
        await _promise(session, ticket, state, due_at), ticket.merged_into, said,
        tuple(one.subject for one in linked if one.kind is LinkedKind.CARD), _earlier(linked, ticket.id),
    )  # fmt: skip


async def file_of(session: AsyncSession, requester: str, ticket_id: str, file_id: str) -> TicketFileRow:
    """Return a file of a message that the customer may see. Refuse NotFound."""
    chosen = (
        select(TicketFileRow)
        .join(TicketMessageRow, TicketMessageRow.id == TicketFileRow.message_id)
        .join(TicketRow, TicketRow.id == TicketFileRow.ticket_id)
        .where(
            TicketFileRow.id == file_id, TicketFileRow.ticket_id == ticket_id, is_of(requester),
            TicketMessageRow.sent_at.is_not(None), TicketMessageRow.withdrawn_at.is_(None),
        )
    )  # fmt: skip
    found = (await session.execute(chosen)).scalar_one_or_none()
    if found is None:
        raise NotFound(file=file_id[:26])
    return found


async def key_reused(session: AsyncSession, requester: str, given: str, key: str) -> bool:
    """Return whether the requester used this idempotency key with other content: `key` is `given`, a space, and the content's hash."""
    mine = TicketRow.requester == requester
    same = TicketMessageRow.idempotency_key.startswith(f"{given} ", autoescape=True)
    used = (
        select(TicketMessageRow.id)
        .join(TicketRow, TicketRow.id == TicketMessageRow.ticket_id)
        .where(mine, same, TicketMessageRow.idempotency_key != key)
    )
    return (await session.execute(used.limit(1))).scalar_one_or_none() is not None


def _lines(requester: str) -> Select[TicketRow, datetime, bool]:
    leaving = exists().where(
        TicketMessageRow.ticket_id == TicketRow.id,
        TicketMessageRow.sent_at.is_(None),
        TicketMessageRow.withdrawn_at.is_(None),
    )
    return (
        select(TicketRow, WorkItemRow.due_at, leaving.label("leaving"))
        .join(WorkItemRow, WorkItemRow.id == TicketRow.task_id)
        .where(is_of(requester))
        .order_by(TicketRow.id.desc())
    )


def _line(ticket: TicketRow, due_at: datetime, leaving: bool) -> OwnLine:
    state = _known(ticket.state, leaving)
    ours = None if state in NOBODYS_TURN else due_at
    return OwnLine(ticket.id, ticket.subject, ticket.category, state, ticket.opened_at, ticket.heard_at, ours)


def _known(state: TicketState, leaving: bool) -> TicketState:
    return TicketState.OPEN if leaving and state in (TicketState.WAITING_CUSTOMER, TicketState.SOLVED) else state


def _earlier(linked: Sequence[TicketLinkRow], ticket_id: str) -> str | None:
    older = [one.subject for one in linked if one.kind is LinkedKind.TICKET and one.subject < ticket_id]
    return older[0] if older else None


async def _promise(session: AsyncSession, ticket: TicketRow, state: TicketState, due_at: datetime) -> Promise | None:
    """The promise to answer that runs; else the one to solve it; else what the work item says."""
    if state in NOBODYS_TURN:
        return None
    running = select(TicketClockRow.kind, TicketClockRow.due_at).where(
        TicketClockRow.ticket_id == ticket.id, TicketClockRow.met_at.is_(None), TicketClockRow.void_at.is_(None)
    )
    clocks = [(kind is ClockKind.RESOLUTION, due) for kind, due in await session.execute(running)]
    if not clocks:
        return Promise(due_at, solves=ticket.unanswered_since is None)
    solves, due = min(clocks)
    return Promise(due, solves)
