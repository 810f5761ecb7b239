"""Who acts for whom during an absence: never a contradiction, and confirmed by a second person where another one names them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.notices import tell
from database.tables.people import AbsenceRow, AccessRequestRow, PersonRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.access import AccessAnswer, AccessKind, StandInAsked
from domain.people.roles import Permission, Role, permissions_of


async def give(session: AsyncSession, request: AccessRequestRow, now: datetime) -> None:
    """Let the stand-in that was asked for act. Refuse FieldInvalid where that contradicts what became true since."""
    asked, person = StandInAsked.from_json(request.bounds), request.person_id
    if asked.ends_at <= now:
        raise FieldInvalid(field="ends_at", why="past")
    away = asked.absence is not None
    await require_one_truth(session, person, asked.stand_in, away, asked.starts_at, asked.ends_at, asked.absence)
    row = await session.get(AbsenceRow, asked.absence, with_for_update=True) if asked.absence else None
    if row is None:
        row = AbsenceRow(
            id=new_id(), person_id=person, away=away, starts_at=asked.starts_at, ends_at=asked.ends_at,
            made_by=request.asked_by,
        )  # fmt: skip
        session.add(row)
    row.stand_in = asked.stand_in
    await tell_stand_in(session, row)


async def withdraw_of(session: AsyncSession, row: AbsenceRow, now: datetime) -> None:
    """Withdraw the stand-in request of a cancelled absence."""
    waiting = (
        AccessRequestRow.person_id == row.person_id,
        AccessRequestRow.kind == AccessKind.STAND_IN,
        AccessRequestRow.answer.is_(None),
        AccessRequestRow.bounds["absence"].astext == row.id,
    )
    gone = update(AccessRequestRow).where(*waiting).values(answer=AccessAnswer.REPLACED, answered_at=now)
    await session.execute(gone.execution_options(synchronize_session=False))


async def tell_stand_in(session: AsyncSession, row: AbsenceRow) -> None:
    """Notify the stand-in of an absence."""
    span = {"from": row.starts_at.isoformat(), "until": row.ends_at.isoformat()}
    await tell(session, [row.stand_in or ""], NoticeKind.STAND_IN, f"stand_in:{row.id}", person=row.person_id, **span)


async def require_one_truth(
    session: AsyncSession,
    person: str,
    stand_in: str | None,
    away: bool,
    starts_at: datetime,
    ends_at: datetime,
    but: str | None = None,
) -> None:
    """Refuse NotFound and FieldInvalid of `stand_in` and `person` for what contradicts another absence than `but`.

    Both people are locked, in one order, so that two declarations at once cannot both find the field clear.
    """
    for one in sorted({person, stand_in or person}):
        if await session.get(PersonRow, one, with_for_update=True) is None:
            raise NotFound(person=one[:26]) if one == person else FieldInvalid(field="stand_in", why="unknown")
    for row in await _at_that_time(session, {person, stand_in or person}, starts_at, ends_at):
        if row.id == but:
            continue
        if away and row.person_id == person and row.away:
            raise FieldInvalid(field="person", why="away_already")
        if away and row.stand_in == person:
            raise FieldInvalid(field="person", why="stands_in")
        if row.person_id == stand_in and row.away:
            raise FieldInvalid(field="stand_in", why="away")
    if stand_in is not None:
        await _require_able(session, stand_in)


async def _require_able(session: AsyncSession, stand_in: str) -> None:
    row = await session.get_one(PersonRow, stand_in)
    if not row.active or Permission.DECIDE not in permissions_of(Role(role) for role in row.roles):
        raise FieldInvalid(field="stand_in", why="cannot_decide")


async def _at_that_time(
    session: AsyncSession, people: set[str], starts_at: datetime, ends_at: datetime
) -> list[AbsenceRow]:
    concerned = or_(AbsenceRow.person_id.in_(people), AbsenceRow.stand_in.in_(people))
    lasting = (AbsenceRow.starts_at < ends_at, AbsenceRow.ends_at > starts_at, AbsenceRow.ended_at.is_(None))
    found = select(AbsenceRow).where(concerned, *lasting).order_by(AbsenceRow.starts_at, AbsenceRow.id)
    return list((await session.execute(found)).scalars())
