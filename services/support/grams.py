"""Keep what a ticket is found by up to date, in the transaction that writes its words."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.tables.support.search import TicketSearchRow
from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import CommentRow
from domain.identifiers import ticket_task
from domain.support.grams import BLOCK, folded, grams, in_block

CHARACTERS_MAX = 50_000  # Of one ticket: its subject and first message, then the newest.
WRITTEN_MAX = 500


async def index_old(session: AsyncSession, ticket_id: str) -> None:
    """Index a ticket created before the search existed, behind all that are indexed already."""
    behind = select(func.least(func.min(TicketSearchRow.number), 0) - 1).scalar_subquery()
    old = TicketSearchRow(ticket_id=ticket_id)
    await insert_once(session, old, "ticket_id", generated=("number",), computed={"number": behind})
    await index(session, ticket_id)


async def index(session: AsyncSession, ticket_id: str) -> None:
    """Index the ticket: subject, public messages that were not withdrawn, and internal notes.

    Call it after each change of words. Two who write at once wait for each other here, so that neither is forgotten.
    """
    await session.flush()
    await insert_once(session, TicketSearchRow(ticket_id=ticket_id), "ticket_id", generated=("number",))
    mine = TicketSearchRow.ticket_id == ticket_id
    number = (await session.execute(select(TicketSearchRow.number).where(mine).with_for_update())).scalar_one()
    text = folded(await _words(session, ticket_id))
    numbers = sorted(in_block(one, number // BLOCK) for one in grams(text))
    await session.execute(update(TicketSearchRow).where(mine).values(folded=text, grams=numbers))
    found = update(TicketRow).where(TicketRow.id == ticket_id, TicketRow.searchable.is_(False)).values(searchable=True)
    await session.execute(found.execution_options(synchronize_session=False))


async def index_task(session: AsyncSession, task_id: str) -> None:
    """Do the same, by the id of the ticket's work item."""
    found = await session.execute(select(TicketRow.id).where(TicketRow.task_id == task_id))
    if (ticket_id := found.scalar_one_or_none()) is not None:
        await index(session, ticket_id)


async def _words(session: AsyncSession, ticket_id: str) -> str:
    subject = (await session.execute(select(TicketRow.subject).where(TicketRow.id == ticket_id))).scalar_one()
    standing = (TicketMessageRow.ticket_id == ticket_id, TicketMessageRow.withdrawn_at.is_(None))
    said = select(TicketMessageRow.id, TicketMessageRow.words).where(*standing)
    first = (await session.execute(said.order_by(TicketMessageRow.id).limit(1))).first()
    newest = list(await session.execute(said.order_by(TicketMessageRow.id.desc()).limit(WRITTEN_MAX)))
    notes = select(CommentRow.id, CommentRow.words).where(CommentRow.task_id == ticket_task(ticket_id))
    newest += list(await session.execute(notes.order_by(CommentRow.id.desc()).limit(WRITTEN_MAX)))
    newest.sort(key=lambda one: one.id, reverse=True)
    parts = [subject, *([] if first is None else [first.words]), *(one.words for one in newest if one != first)]
    return "\n".join(parts)[:CHARACTERS_MAX]
