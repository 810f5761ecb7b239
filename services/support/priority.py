"""How much a new ticket is worth and how urgent it is, by the policy of tickets."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow
from database.tables.support.tickets import TicketLinkRow, TicketRow
from database.tables.work import WorkItemRow
from domain.money import Currency
from domain.places import business_day
from domain.rules.tickets import tickets_in_force
from domain.support.tickets import LinkedKind


async def prioritise(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime) -> str:
    """Set the value and the priority of a new ticket from what it is about; return the version of the policy.

    The caller plans its clocks afterwards.
    """
    task.value_minor = await value_of(session, ticket.id)
    rules = tickets_in_force(business_day(now))
    task.priority = rules.priority_of(ticket.category, ticket.channel, task.value_minor)
    return rules.version


async def value_of(session: AsyncSession, ticket_id: str) -> int:
    """Return what the linked cards are worth together, CNY minor units: each its newest quote, else its face value in yuan."""
    quoted = (
        select(QuoteRow.amount_minor)
        .where(QuoteRow.card_id == CardRow.id)
        .order_by(QuoteRow.created_at.desc())
        .limit(1)
        .correlate(CardRow)
        .scalar_subquery()
    )
    in_yuan = select(CardRow.face_value_minor).where(CardRow.currency == Currency.CNY).correlate(CardRow)
    worth = func.coalesce(quoted, in_yuan.scalar_subquery(), 0)
    linked = (TicketLinkRow.ticket_id == ticket_id, TicketLinkRow.kind == LinkedKind.CARD)
    joined = select(func.coalesce(func.sum(worth), 0)).select_from(CardRow)
    statement = joined.join(TicketLinkRow, TicketLinkRow.subject == CardRow.id)
    return int((await session.execute(statement.where(*linked))).scalar_one())
