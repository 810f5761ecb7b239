"""Who is away when, and who stands in for whom: declared with dates, called off, and never a contradiction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.session import Database
from database.tables.people import AbsenceRow, AuditRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.people.access import AccessKind, StandInAsked
from domain.people.roles import Permission
from domain.work.kinds import kinds
from services.people import access
from services.people.permissions import require_any
from services.people.stand_ins import require_one_truth, tell_stand_in, withdraw_of

LONGEST = timedelta(days=366)


class Absences:
    """Absences and mere delegations. People declare their own; MANAGE_PEOPLE declares those of others."""

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
    ) -> str | None:
        """Writes an absence down, tells the stand-in, and returns its id; with `away` False they only delegate.

        A stand-in whom another person names acts only once a second person has confirmed it: until then the absence has
        none, and of a mere delegation there is nothing but the request (None).

        Refuses NotAllowed, NotFound, and FieldInvalid of `ends_at` (past, before_start, too_far), `stand_in` (missing,
        oneself, unknown, cannot_decide, away) and `person` (away_already, stands_in).
        """
        _require_dates(starts_at, ends_at, self._now())
        if stand_in == person or (stand_in is None and not away):
            raise FieldInvalid(field="stand_in", why="oneself" if stand_in else "missing")
        named = stand_in if by == person else None
        async with self._database.transaction() as session:
            await _require_right(session, by, person)
            await require_one_truth(session, person, stand_in, away, starts_at, ends_at)
            absence = None
            if away or named is not None:
                absence = await self._written(session, by, person, named, away, starts_at, ends_at)
            if stand_in is not None and named is None:
                asked = StandInAsked(stand_in, starts_at, ends_at, absence)
                session.add(by_person(by, "console:person:ask_stand_in", person, facts=asked.to_json()))
                await access.ask(session, by, person, AccessKind.STAND_IN, self._now(), bounds=asked.to_json())
        return absence

    async def _written(
        self,
        session: AsyncSession,
        by: str,
        person: str,
        stand_in: str | None,
        away: bool,
        starts_at: datetime,
        ends_at: datetime,
    ) -> str:
        row = AbsenceRow(
            id=new_id(),
            person_id=person,
            stand_in=stand_in,
            away=away,
            starts_at=starts_at,
            ends_at=ends_at,
            made_by=by,
        )
        session.add(row)
        session.add(_audit(by, "declare", row.id, person=person, stand_in=stand_in or ""))
        if stand_in is not None:
            await tell_stand_in(session, row)
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
                await withdraw_of(session, row, self._now())


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


def _audit(by: str, act: str, absence_id: str, **facts: str) -> AuditRow:
    return by_person(by, f"console:absence:{act}", absence_id, facts=facts)
