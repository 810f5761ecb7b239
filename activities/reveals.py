"""How often one person sees a card's secrets, and which of them their photos show uncovered; counted in the audit record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.people import AuditRow, PersonRow
from domain.reading import SECRET_FIELDS, FieldName
from domain.refusals import TooManyTries

REVEAL = "console:card:reveal_"
PHOTO = "photo"  # Both secrets, in the photo.
REVEALS_MAX, REVEALS_WITHIN = 60, timedelta(hours=1)  # A reviewer decides about forty cards an hour.
UNCOVERED_FOR = timedelta(minutes=15)  # As long as a task stays in somebody's hand.
_AUDIT: Any = AuditRow


async def uncovered(session: AsyncSession, person: str, card_id: str) -> frozenset[FieldName]:
    """Return the secrets of this card that the person has revealed within a quarter of an hour: their photo shows them."""
    shown = select(_AUDIT.act).where(
        _AUDIT.actor == f"person:{person}", _AUDIT.subject == card_id, _AUDIT.act.startswith(REVEAL),
        _AUDIT.at > now() - UNCOVERED_FOR,
    )  # fmt: skip
    names = {act.removeprefix(REVEAL) for act in (await session.execute(shown)).scalars()}
    return frozenset(SECRET_FIELDS) if PHOTO in names else frozenset(one for one in SECRET_FIELDS if one.value in names)


async def require_reveals_left(session: AsyncSession, person: str, at_most: int) -> None:
    """Refuse TooManyTries to who has seen `at_most` secrets within the hour.

    Counted in the audit record itself, so that no process and no restart forgets one; one look at a time is counted.
    """
    await session.get_one(PersonRow, person, with_for_update={"key_share": True}, populate_existing=True)
    since = now() - REVEALS_WITHIN
    seen = select(func.count()).where(
        _AUDIT.actor == f"person:{person}", _AUDIT.act.startswith(REVEAL), _AUDIT.at > since
    )
    if ((await session.execute(seen)).scalar_one()) >= at_most:
        raise TooManyTries(retry_after_s=int(REVEALS_WITHIN.total_seconds()))
