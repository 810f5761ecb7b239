"""Customers who are known by an e-mail address alone."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.sealed import CONTACT_ADDRESS
from database.tables.columns import now
from database.tables.support.tickets import ContactRow
from domain.identifiers import new_id
from domain.sealing import KeyRing
from domain.support.contacts import address_index_of


async def contact_of(session: AsyncSession, keyring: KeyRing, address: str, locale: str) -> ContactRow:
    """Return the contact with this address; where there is none, one without a name is made."""
    index, made = address_index_of(keyring, address), new_id()
    contact = ContactRow(
        id=made, address_sealed=CONTACT_ADDRESS.seal(keyring, made, address), address_index=index,
        address_masked=masked(address), name="", locale=locale, created_at=now(),
    )  # fmt: skip
    await insert_once(session, contact, "address_index")
    return (await session.execute(select(ContactRow).where(ContactRow.address_index == index))).scalar_one()


async def known_contact(session: AsyncSession, keyring: KeyRing, address: str) -> ContactRow | None:
    """Return the contact with this address."""
    wanted = select(ContactRow).where(ContactRow.address_index == address_index_of(keyring, address))
    return (await session.execute(wanted)).scalar_one_or_none()


def address_of(keyring: KeyRing, contact: ContactRow) -> str:
    """Return the contact's address: only for sending to it."""
    return CONTACT_ADDRESS.open(keyring, contact.id, contact.address_sealed)


def masked(address: str) -> str:
    """Return the address as agents see it: w***@example.com."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"
