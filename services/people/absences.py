"""Who is away when, and who stands in for whom: declared with dates, called off, and never a contradiction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.repositories.notices import tell
from database.session import Database
from database.tables.people import AbsenceRow, AuditRow, PersonRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.access import AccessNews
from domain.people.roles import Permission, Role, permissions_of
from domain.work.kinds import kinds
from services.people import access
from services.people.permissions import require_any

LONGEST = timedelta(days=366)


class Absences:
    """Absences and mere delegations. People declare their own; MANAGE_PEOPLE declares anybody's."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def declare(
        self,
        by: str,
        person: str,
        starts_at: datetime,
        ends_at: datetime,
        *,
        stand_in: str | None = None,
        away: bool = True,
    ) -> str:
        """Writes an absence down, tells the stand-in, and returns its id; with `away` False they only delegate.

        Refuses NotAllowed, NotFound, and FieldInvalid of `ends_at` (past, before_start, too_far), `stand_in` (missing,
        oneself, unknown, cannot_decide, away) and `person` (away_already, stands_in).
        """
        _require_dates(starts_at, ends_at, self._now())
        if stand_in == person or (stand_in is None and not away):
            raise FieldInvalid(field="stand_in", why="oneself" if stand_in else "missing")
        async with self._database.transaction() as session:
            await _require_right(session, by, person)
            await _require_one_truth(session, person, stand_in, away, starts_at, ends_at)
            row = AbsenceRow(
                id=new_id(), person_id=person, stand_in=stand_in, away=away,
                starts_at=starts_at, ends_at=ends_at, made_by=by,
            )  # fmt: skip
            session.add(row)
            session.add(_audit(by, "declare", row.id, person=person, stand_in=stand_in or ""))
            if stand_in is not None:
                span = {"from": starts_at.isoformat(), "until": ends_at.isoformat()}
                await tell(session, [stand_in], NoticeKind.STAND_IN, f"stand_in:{row.id}", person=person, **span)
                if by != person:  # A stand-in acts with another's rights: compliance knows who arranged it.
                    await access.notify(session, by, person, AccessNews.STAND_IN)
        return row.id

    async def call_off(self, by: str, absence_id: str) -> None:
        """Ends an absence now, or before it began; nothing happens to one that is over. Refuses NotFound, NotAllowed."""
        async with self._database.transaction() as session:
            row = await session.get(AbsenceRow, absence_id, with_for_update=True)
            if row is None:
                raise NotFound(absence=absence_id[:26])
            await _require_right(session, by, row.person_id)
            if row.ended_at is None and row.ends_at > self._now():
                row.ended_at = self._now()
                session.add(_audit(by, "call_off", absence_id, person=row.person_id))


def _require_dates(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    faults = {
        "before_start": ends_at <= starts_at,
        "past": ends_at <= now,
        "too_far": ends_at - starts_at > LONGEST or starts_at - now > LONGEST,
    }
    for why, given in faults.items():
        if given:
            raise FieldInvalid(field="ends_at", why=why)


async def _require_right(session: AsyncSession, by: str, person: str) -> None:
    own = [kind.see for kind in kinds()]
    await require_any(session, by, own if by == person else [Permission.MANAGE_PEOPLE])


async def _require_one_truth(
    session: AsyncSession, person: str, stand_in: str | None, away: bool, starts_at: datetime, ends_at: datetime
) -> None:
    """Both people are locked, in one order, so that two declarations at once cannot both find the field clear."""
    for one in sorted({person, stand_in or person}):
        if await session.get(PersonRow, one, with_for_update=True) is None:
            raise NotFound(person=one[:26]) if one == person else FieldInvalid(field="stand_in", why="unknown")
    for row in await _at_that_time(session, {person, stand_in or person}, starts_at, ends_at):
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
    return list((await session.execute(select(AbsenceRow).where(concerned, *lasting))).scalars())


def _audit(by: str, act: str, absence_id: str, **facts: str) -> AuditRow:
    return by_person(by, f"console:absence:{act}", absence_id, facts=facts)
