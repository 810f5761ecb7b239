"""Saved views of the queue: a filter and an order under a name, private or shared."""

from __future__ import annotations

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.audit import by_person
from database.session import Database
from database.tables.people import AuditRow, PersonRow
from database.tables.work import SavedViewRow, ViewPinRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import TooManyViews, ViewNameTaken
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.work.kinds import kind_of
from domain.work.queue_filter import Wanted
from services.people.permissions import require
from services.work.secret_scan import require_no_number

VIEWS_MAX = 40
NAME_CHARACTERS_MAX = 40


class SavedViews:
    """Changes of saved views. `person` is always the id of the requester; every change is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, person: str, name: str, query: str, *, shared: bool = False) -> str:
        """Keeps a query of the queue page under a name; returns the view's id.

        Refuses FieldInvalid (`view_name`, or the filter that cannot be read), ViewNameTaken, TooManyViews (`most`),
        SecretInWords, and NotAllowed when it is to be shared and they may not.
        """
        wanted, name = _readable(query), _named(name)
        async with self._database.transaction() as session:
            await _require_turn(session, person, Permission.SHARE_VIEW if shared else kind_of(wanted.kind).see)
            view = SavedViewRow(id=new_id(), owner_id=person, name=name, query=wanted.query(), shared=shared)
            await _require_room(session, person)
            await _require_free(session, view)
            session.add(view)
            if shared:
                session.add(_audited(person, "share", view))
        return view.id

    async def rename(self, person: str, view_id: str, name: str) -> None:
        """Gives one of one's own views another name. Refuses FieldInvalid, SecretInWords, ViewNameTaken, NotFound."""
        async with self._database.transaction() as session:
            view = await _own(session, person, view_id)
            await _require_turn(session, person, kind_of(Wanted.from_query(view.query).kind).see)
            view.name = _named(name)
            await _require_free(session, view)

    async def change(self, person: str, view_id: str, query: str) -> None:
        """Keeps another filter under the same name. Refuses FieldInvalid, SecretInWords, NotFound."""
        wanted = _readable(query)
        async with self._database.transaction() as session:
            (await _own(session, person, view_id)).query = wanted.query()

    async def delete(self, person: str, view_id: str) -> None:
        """Delete one of one's own views, also for all who have pinned it. Refuse NotFound."""
        async with self._database.transaction() as session:
            view = await _own(session, person, view_id)
            await session.execute(delete(ViewPinRow).where(ViewPinRow.view_id == view_id))
            await session.delete(view)
            if view.shared:
                session.add(_audited(person, "delete_shared", view))

    async def share(self, person: str, view_id: str, shared: bool) -> None:
        """Share one of one's own views, or make it private again. Refuse NotAllowed, NotFound."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.SHARE_VIEW)
            view = await _own(session, person, view_id)
            if view.shared is shared:
                return
            view.shared = shared
            if not shared:
                others = (ViewPinRow.view_id == view_id, ViewPinRow.person_id != person)
                await session.execute(delete(ViewPinRow).where(*others))
            session.add(_audited(person, "share" if shared else "unshare", view))

    async def pin(self, person: str, view_id: str, pinned: bool) -> None:
        """Pin a view above the queue, or unpin it. Refuse NotFound."""
        async with self._database.transaction() as session:
            await _seen(session, person, view_id)
            if pinned:
                await insert_once(session, ViewPinRow(person_id=person, view_id=view_id))
            else:
                await session.execute(
                    delete(ViewPinRow).where(ViewPinRow.person_id == person, ViewPinRow.view_id == view_id)
                )

    async def open_first(self, person: str, view_id: str, first: bool) -> None:
        """Opens the queue with this view from now on, which pins it; or with the whole queue again. Refuses NotFound."""
        async with self._database.transaction() as session:
            await _seen(session, person, view_id)
            await session.execute(update(ViewPinRow).where(ViewPinRow.person_id == person).values(opens_first=False))
            if first:
                chosen = insert(ViewPinRow).values(person_id=person, view_id=view_id, opens_first=True)
                again = chosen.on_conflict_do_update(
                    index_elements=["person_id", "view_id"], set_={"opens_first": True}
                )
                await session.execute(again)


async def _require_turn(session: AsyncSession, person: str, permission: Permission) -> None:
    """The right, and the person's row locked: two savings at once must not both find a name free."""
    await session.execute(select(PersonRow).where(PersonRow.id == person).with_for_update())
    await require(session, person, permission)


async def _require_room(session: AsyncSession, person: str) -> None:
    counting = select(func.count()).select_from(SavedViewRow).where(SavedViewRow.owner_id == person)
    if (await session.execute(counting)).scalar_one() >= VIEWS_MAX:
        raise TooManyViews(most=VIEWS_MAX)


async def _require_free(session: AsyncSession, view: SavedViewRow) -> None:
    same = func.lower(SavedViewRow.name) == view.name.lower()
    taken = (
        select(SavedViewRow.id).where(SavedViewRow.owner_id == view.owner_id, same, SavedViewRow.id != view.id).limit(1)
    )
    with session.no_autoflush:
        if (await session.execute(taken)).scalar_one_or_none() is not None:
            raise ViewNameTaken()


async def _own(session: AsyncSession, person: str, view_id: str) -> SavedViewRow:
    view = await session.get(SavedViewRow, view_id, with_for_update=True)
    if view is None or view.owner_id != person:
        raise NotFound(view=view_id[:26])
    return view


async def _seen(session: AsyncSession, person: str, view_id: str) -> None:
    """Refuses a view that this person cannot open; it stays there until the transaction's end."""
    visible = (SavedViewRow.id == view_id, or_(SavedViewRow.owner_id == person, SavedViewRow.shared))
    if (await session.execute(select(SavedViewRow.id).where(*visible).with_for_update(read=True))).first() is None:
        raise NotFound(view=view_id[:26])


def _named(name: str) -> str:
    given = " ".join(name.split())
    if not given:
        raise FieldInvalid(field="view_name", why="missing")
    if len(given) > NAME_CHARACTERS_MAX:
        raise FieldInvalid(field="view_name", why="too_long")
    require_no_number(given)
    return given


def _readable(query: str) -> Wanted:
    wanted = Wanted.from_query(query, strict=True)
    require_no_number(*(value for _, value in wanted.pairs()))
    return wanted


def _audited(person: str, act: str, view: SavedViewRow) -> AuditRow:
    return by_person(person, f"console:view:{act}", view.id, facts={"name": view.name})
