"""What has changed since the last look, for all open pages of one process at once, each in one statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import and_, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import lasts
from database.reads.people.sessions import is_open
from database.tables.cards import CardEventRow, CardRow
from database.tables.columns import now
from database.tables.notices import NoticeRow
from database.tables.people import ConsoleSessionRow, PersonRow
from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import CommentRow, ReviewDraftRow, WorkItemRow


async def queue_mark(session: AsyncSession) -> int:
    """Return a number that rises with every change of the queue, perhaps a moment before the change can be seen."""
    return int(await session.scalar(text("SELECT last_value FROM work_item_change")) or 0)


async def unread(session: AsyncSession, people: Collection[str]) -> dict[str, int]:
    """Count the unread notices of each of these people; people without any are included."""
    statement = (
        select(NoticeRow.person_id, func.count())
        .where(NoticeRow.person_id.in_(people), NoticeRow.read_at.is_(None))
        .group_by(NoticeRow.person_id)
    )
    counted = {row[0]: int(row[1]) for row in await session.execute(statement)}
    return dict.fromkeys(people, 0) | counted


async def signed_in(session: AsyncSession, sessions: Collection[str], idle: timedelta) -> frozenset[str]:
    """Those of these sessions that still open anything: neither ended nor over nor unused for `idle`."""
    at = now()
    good = and_(is_open(at, idle), PersonRow.active)
    statement = (
        select(ConsoleSessionRow.id)
        .join(PersonRow, PersonRow.id == ConsoleSessionRow.person_id)
        .where(ConsoleSessionRow.id.in_(sessions), good)
    )
    return frozenset((await session.execute(statement)).scalars())


async def card_marks(session: AsyncSession, cards: Collection[str]) -> dict[str, str]:
    """For each card a digest that changes with its story, its comments, and the state of its work items: also when a lease runs out."""
    story = select(func.count(CardEventRow.id)).where(CardEventRow.card_id == CardRow.id).scalar_subquery()
    said = select(func.count()).where(CommentRow.card_id == CardRow.id).scalar_subquery()
    state = tuple_(
        WorkItemRow.id, WorkItemRow.phase, WorkItemRow.leased_by, lasts(WorkItemRow, now()), WorkItemRow.decided, WorkItemRow.escalated,
        WorkItemRow.assigned_to, WorkItemRow.snoozed_until, WorkItemRow.due_at, WorkItemRow.closed_at,
    )  # fmt: skip
    task = (
        select(
            func.string_agg(func.concat(state), aggregate_order_by(literal(" "), WorkItemRow.opened_at, WorkItemRow.id))
        )
        .where(WorkItemRow.card_id == CardRow.id)
        .scalar_subquery()
    )
    statement = select(CardRow.id, func.md5(func.concat(story, " ", said, " ", task))).where(CardRow.id.in_(cards))
    return {row[0]: str(row[1]) for row in await session.execute(statement)}


async def ticket_marks(session: AsyncSession, tickets: Collection[str]) -> dict[str, str]:
    """For each ticket a text that changes with it, its messages and notes, who holds it, and who writes in it."""
    messages = (
        select(func.concat(func.count(), func.max(TicketMessageRow.withdrawn_at), func.count(TicketMessageRow.sent_at)))
        .where(TicketMessageRow.ticket_id == TicketRow.id)
        .scalar_subquery()
    )
    notes = select(func.count()).where(CommentRow.task_id == TicketRow.task_id).scalar_subquery()
    writing = (
        select(func.max(ReviewDraftRow.saved_at)).where(ReviewDraftRow.task_id == TicketRow.task_id).scalar_subquery()
    )
    mark = func.concat_ws(
        " ", TicketRow.revision, messages, notes, writing, WorkItemRow.leased_by, lasts(WorkItemRow, now())
    )
    statement = (
        select(TicketRow.id, mark)
        .join(WorkItemRow, WorkItemRow.id == TicketRow.task_id)
        .where(TicketRow.id.in_(tickets))
    )
    return {row[0]: str(row[1]) for row in await session.execute(statement)}
