"""Which of a card's secrets its photos show uncovered to a person, by the audit record."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.people import AuditRow
from domain.cards.reading import SECRET_FIELDS, FieldName

REVEAL = "console:card:reveal_"
PHOTO = "photo"  # Both secrets, in the photo.
UNCOVERED_FOR = timedelta(minutes=15)  # As long as a lease lasts.


async def uncovered(session: AsyncSession, person: str, card_id: str) -> frozenset[FieldName]:
    """Return the secrets of this card that the person has revealed within a quarter of an hour: their photo shows them."""
    shown = select(AuditRow.act).where(
        AuditRow.actor == f"person:{person}", AuditRow.subject == card_id, AuditRow.act.startswith(REVEAL),
        AuditRow.at > now() - UNCOVERED_FOR,
    )  # fmt: skip
    names = {act.removeprefix(REVEAL) for act in (await session.execute(shown)).scalars()}
    return frozenset(SECRET_FIELDS) if PHOTO in names else frozenset(one for one in SECRET_FIELDS if one.value in names)
