"""A seller asks, and an agent answers: a ticket brought to any state."""

from __future__ import annotations

from datetime import timedelta

import httpx

from database.session import Database
from database.tables.columns import now
from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.identifiers import new_id, ticket_task
from domain.support.tickets import MessageKind, TicketChannel, TicketState
from tests.seller_ui.pages import Page

Files = dict[str, tuple[str, bytes, str]]


async def asked(
    browser: httpx.AsyncClient, words: str = "Where is my money?", card: str = "", category: str = "payout_late"
) -> Page:
    """The page after a question was sent."""
    page = await Page.get(browser, f"/tickets/new?category={category}{f'&card={card}' if card else ''}")
    return await page.send("/tickets/new", words=words)


def ticket_id(page: Page) -> str:
    return page.path.rsplit("/", 1)[1]


async def answered(
    database: Database, ticket: str, state: TicketState = TicketState.OPEN, words: str = "On its way", *, left: bool = True
) -> None:  # fmt: skip
    """An agent's reply, and the state that it leads to; one that has not `left` can still be taken back."""
    moment = now()
    async with database.transaction() as session:
        row = await session.get_one(TicketRow, ticket)
        task = await session.get_one(WorkItemRow, ticket_task(ticket))
        session.add(TicketMessageRow(
            id=new_id(), ticket_id=ticket, kind=MessageKind.REPLY, author="person:P", words=words, channel=TicketChannel.WEB,
            at=moment, effective_at=moment, sent_at=moment if left else None,
        ))  # fmt: skip
        row.state, row.replied_at, row.first_replied_at, row.unanswered_since = state, moment, moment, None
        row.solved_at = moment if state in (TicketState.SOLVED, TicketState.CLOSED) else None
        row.closed_at = moment if state is TicketState.CLOSED else None
        task.closed_at, task.due_at = row.solved_at, moment + timedelta(days=2)
