"""The saved views of the queue that one person can open: their own, and those that colleagues share."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from database.tables.work import SavedViewRow, ViewPinRow


@dataclass(frozen=True)
class View:
    """One view as this person has it. `owner` is its owner's name; `query` is the queue page's query string."""

    id: str
    name: str
    query: str
    own: bool
    owner: str
    shared: bool
    pinned: bool
    opens_first: bool


async def views(session: AsyncSession, person: str) -> tuple[View, ...]:
    """List the pinned ones first, then their own, then the others' shared ones, each by name; one statement."""
    statement = (
        select(SavedViewRow, PersonRow.name, ViewPinRow.opens_first)
        .join(PersonRow, PersonRow.id == SavedViewRow.owner_id)
        .outerjoin(ViewPinRow, and_(ViewPinRow.view_id == SavedViewRow.id, ViewPinRow.person_id == person))
        .where(or_(SavedViewRow.owner_id == person, SavedViewRow.shared))
        .order_by(ViewPinRow.view_id.is_(None), SavedViewRow.owner_id != person, SavedViewRow.name, SavedViewRow.id)
    )
    found = await session.execute(statement)
    return tuple(_view(row, name, opens_first, person) for row, name, opens_first in found)


async def opening(session: AsyncSession, person: str) -> str | None:
    """Return the query of the view that opens first for this person; None when it is the whole queue."""
    statement = (
        select(SavedViewRow.query)
        .join(ViewPinRow, ViewPinRow.view_id == SavedViewRow.id)
        .where(
            ViewPinRow.person_id == person,
            ViewPinRow.opens_first,
            or_(SavedViewRow.owner_id == person, SavedViewRow.shared),
        )
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


def _view(row: SavedViewRow, owner: str, opens_first: bool | None, person: str) -> View:
    return View(
        id=row.id,
        name=row.name,
        query=row.query,
        own=row.owner_id == person,
        owner=owner,
        shared=row.shared,
        pinned=opens_first is not None,
        opens_first=bool(opens_first),
    )
