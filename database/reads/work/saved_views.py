"""The saved views of the queue that one person can open: their own, and those that colleagues share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    """The pinned ones first, then their own, then the others' shared ones, each by name; one statement."""
    view: Any = SavedViewRow
    pin: Any = ViewPinRow
    owner: Any = PersonRow
    statement = (
        select(SavedViewRow, owner.name, pin.opens_first)
        .join(PersonRow, owner.id == view.owner_id)
        .outerjoin(ViewPinRow, and_(pin.view_id == view.id, pin.person_id == person))
        .where(or_(view.owner_id == person, view.shared))
        .order_by(pin.view_id.is_(None), view.owner_id != person, view.name, view.id)
    )
    found = await session.execute(statement)
    return tuple(_view(row, name, opens_first, person) for row, name, opens_first in found)


async def opening(session: AsyncSession, person: str) -> str | None:
    """The query of the view that opens first for this person; None when it is the whole queue."""
    view: Any = SavedViewRow
    pin: Any = ViewPinRow
    statement = (
        select(view.query)
        .join(ViewPinRow, pin.view_id == view.id)
        .where(pin.person_id == person, pin.opens_first, or_(view.owner_id == person, view.shared))
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
