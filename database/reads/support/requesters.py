"""Whose tickets one customer may read: their own, and those of the mail addresses that they confirmed as theirs."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import ContactRow, TicketRow


async def requesters_of(session: AsyncSession, requester: str) -> tuple[str, ...]:
    """Return the customer as `TicketRow.requester` has them: a seller with their confirmed contacts, all others alone."""
    kind, _, number = requester.partition(":")
    if kind != "seller":
        return (requester,)
    mine = select(ContactRow.id).where(ContactRow.seller_id == number).order_by(ContactRow.id)
    return (requester, *(f"contact:{one}" for one in (await session.execute(mine)).scalars()))


def is_of(requester: str) -> ColumnElement[bool]:
    """Return the condition that a ticket is one of `requesters_of` this customer."""
    kind, _, number = requester.partition(":")
    if kind != "seller":
        return TicketRow.requester == requester
    contacts = select("contact:" + ContactRow.id).where(ContactRow.seller_id == number)
    return TicketRow.requester.in_(union_all(select(literal(requester)), contacts))


async def customer_of(session: AsyncSession, requester: str) -> str:
    """Return the seller whom a contact proved to be, else the requester themselves."""
    kind, _, number = requester.partition(":")
    contact = await session.get(ContactRow, number) if kind == "contact" else None
    return requester if contact is None or contact.seller_id is None else f"seller:{contact.seller_id}"


async def is_theirs(session: AsyncSession, requester: str, customer: str) -> bool:
    """Return whether a ticket of this requester is one that the customer may read and write in."""
    return customer in (requester, await customer_of(session, requester))
