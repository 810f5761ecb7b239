"""The people of the console as those see them who give them work or set up what they may."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import lasts
from database.reads.people.sessions import is_open
from database.tables.columns import now
from database.tables.people import AbsenceRow, AuditRow, ConsoleSessionRow, PersonRow, RelativeRow
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.people.roles import PERMISSIONS
from domain.work.kinds import KindOfWork, kind_of, kinds

AUDIT_MAX = 30
ABSENCES_MAX = 30


@dataclass(frozen=True)
class Reviewer:
    """A person who can be assigned tasks; `busy` is how many they hold or are assigned."""

    id: str
    name: str
    on_duty: bool
    away: bool
    busy: int
    capacity: int


@dataclass(frozen=True)
class PersonRecord:
    """One person with everything their page shows; `names` are those of all people it mentions, by id."""

    person: PersonRow
    relatives: tuple[RelativeRow, ...]
    absences: tuple[AbsenceRow, ...]
    changes: tuple[AuditRow, ...]
    sessions: int
    names: dict[str, str]


async def reviewers(session: AsyncSession, kind: str) -> tuple[Reviewer, ...]:
    """Return all active people who take work of this kind, by name, in one statement."""
    statement = (
        select(PersonRow.id, PersonRow.name, PersonRow.on_duty, _away().label("away"), _busy().label("busy"), PersonRow.capacity)
        .where(PersonRow.active, _takes(kind_of(kind)))
        .order_by(PersonRow.name, PersonRow.id)
    )  # fmt: skip
    return tuple(Reviewer(**row) for row in (await session.execute(statement)).mappings())


async def all_names(session: AsyncSession) -> dict[str, str]:
    """Return all names by id, including people who left."""
    return {row.id: row.name for row in await session.execute(select(PersonRow.id, PersonRow.name))}


async def names_of(session: AsyncSession, people: Collection[str | None]) -> dict[str, str]:
    """Return the names of these people by id; those without an id are left out."""
    known = [one for one in people if one]
    found = await session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(known)))
    return {row.id: row.name for row in found}


async def everybody(session: AsyncSession) -> tuple[tuple[PersonRow, bool, int], ...]:
    """All people, those who work here first, each with whether they are away now and how many tasks they have."""
    statement = select(PersonRow, _away(), _busy()).order_by(PersonRow.active.desc(), PersonRow.name, PersonRow.id)
    return tuple((row, away, busy) for row, away, busy in await session.execute(statement))


async def record(session: AsyncSession, person_id: str) -> PersonRecord:
    """One person's record in six statements. Refuses NotFound."""
    person = await session.get(PersonRow, person_id)
    if person is None:
        raise NotFound(person=person_id[:26])
    relatives = select(RelativeRow).where(RelativeRow.person_id == person_id).order_by(RelativeRow.declared_at)
    changes = select(AuditRow).where(AuditRow.subject == person_id).order_by(AuditRow.id.desc()).limit(AUDIT_MAX)
    found = PersonRecord(
        person=person,
        relatives=tuple((await session.execute(relatives)).scalars()),
        absences=await absences(session, person_id),
        changes=tuple((await session.execute(changes)).scalars()),
        sessions=await _sessions(session, person_id),
        names={},
    )
    found.names.update(await _names(session, found))
    return found


async def absences(session: AsyncSession, person_id: str) -> tuple[AbsenceRow, ...]:
    """List the person's absences, the latest first; those that were called off among them."""
    statement = select(AbsenceRow).where(AbsenceRow.person_id == person_id)
    return tuple((await session.execute(statement.order_by(AbsenceRow.starts_at.desc()).limit(ABSENCES_MAX))).scalars())


async def colleagues(session: AsyncSession, person_id: str) -> dict[str, str]:
    """Return the names of everyone else who takes work of any kind, by id, in the order of names: who may stand in."""
    statement = select(PersonRow.id, PersonRow.name).where(
        PersonRow.active, _takes(*kinds()), PersonRow.id != person_id
    )
    return {row.id: row.name for row in await session.execute(statement.order_by(PersonRow.name, PersonRow.id))}


async def _names(session: AsyncSession, found: PersonRecord) -> dict[str, str]:
    mentioned = {one.stand_in for one in found.absences if one.stand_in} | {one.made_by for one in found.absences}
    mentioned |= {one.actor.removeprefix("person:") for one in found.changes}
    statement = select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(mentioned))
    return {row.id: row.name for row in await session.execute(statement)}


async def _sessions(session: AsyncSession, person_id: str) -> int:
    live = (
        ConsoleSessionRow.person_id == person_id,
        is_open(now()),
    )
    return int((await session.execute(select(func.count()).select_from(ConsoleSessionRow).where(*live))).scalar_one())


def _takes(*wanted: KindOfWork) -> Any:
    needed = {kind.take for kind in wanted}
    able = [role.value for role, allowed in PERMISSIONS.items() if needed & allowed]
    return or_(*(PersonRow.roles.contains([role]) for role in able))


def _away() -> Any:
    lasts = (AbsenceRow.starts_at <= func.now(), AbsenceRow.ends_at > func.now(), AbsenceRow.ended_at.is_(None))
    return select(literal(1)).where(AbsenceRow.person_id == PersonRow.id, AbsenceRow.away, *lasts).exists()


def _busy() -> Any:
    held = (WorkItemRow.leased_by == PersonRow.id) & lasts(WorkItemRow, func.now())
    which = (WorkItemRow.closed_at.is_(None), or_(WorkItemRow.assigned_to == PersonRow.id, held))
    return select(func.count()).select_from(WorkItemRow).where(*which).correlate(PersonRow).scalar_subquery()
