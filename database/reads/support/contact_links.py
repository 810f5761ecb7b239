"""Questions whether a mail address is a seller's, as the seller and the agent see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import SellerRow
from database.tables.support.contact_links import ContactLinkRow
from database.tables.support.tickets import ContactRow
from domain.support.contact_links import ContactLinkState

OPEN = (ContactLinkState.ASKED, ContactLinkState.CONFIRMED)


@dataclass(frozen=True)
class ContactLinkView:
    """One question: about which address, to which seller (both masked), and what became of it."""

    id: str
    address: str
    seller: str
    seller_id: str
    state: ContactLinkState
    asked_at: datetime
    expires_at: datetime
    ended_at: datetime | None


async def of_seller(session: AsyncSession, seller_id: str, now: datetime) -> tuple[ContactLinkView, ...]:
    """Return the seller's confirmed addresses and the questions that wait for them, the newest first."""
    return tuple(one for one in await _found(session, ContactLinkRow.seller_id == seller_id) if _stands(one, now))


async def newest_of(session: AsyncSession, contact_id: str) -> ContactLinkView | None:
    """Return the newest question about a contact."""
    found = await _found(session, ContactLinkRow.contact_id == contact_id)
    return found[0] if found else None


def _stands(one: ContactLinkView, now: datetime) -> bool:
    return one.state in OPEN and not (one.state is ContactLinkState.ASKED and one.expires_at <= now)


async def _found(session: AsyncSession, which: ColumnElement[bool]) -> list[ContactLinkView]:
    chosen = (
        select(ContactLinkRow, ContactRow.address_masked, SellerRow.phone_masked)
        .join(ContactRow, ContactRow.id == ContactLinkRow.contact_id)
        .join(SellerRow, SellerRow.id == ContactLinkRow.seller_id)
        .where(which)
        .order_by(ContactLinkRow.id.desc())
    )
    return [
        ContactLinkView(
            row.id, address, seller, row.seller_id, row.state, row.asked_at, row.expires_at, row.ended_at
        )
        for row, address, seller in await session.execute(chosen)
    ]  # fmt: skip
