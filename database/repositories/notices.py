"""Notify people of the console, in the transaction of the cause; and find what is to be sent outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire
from database.repositories.set_aside import left_out
from database.tables.columns import now
from database.tables.notices import NoticePreferencesRow, NoticeRow
from database.tables.people import PersonRow
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind, NoticePreferences, delivered_from

_UNDELIVERED = or_(NoticeRow.mailed_at.is_(None), NoticeRow.hooked_at.is_(None))


@dataclass(frozen=True)
class Addressee:
    """A person as a deliverer needs them; their preferences are empty once they no longer work here."""

    person_id: str
    email: str
    name: str
    locale: str
    preferences: NoticePreferences


async def tell(
    session: AsyncSession,
    people: Iterable[str],
    kind: NoticeKind,
    key: str,
    *,
    card_id: str | None = None,
    task_id: str | None = None,
    **facts: str,
) -> None:
    """Notify each of these people (ids) once: repeating a `key` notifies no one. No secret in `facts`.

    Shown in the console at once; when and whether it leaves for outside is settled here, by each person's preferences.
    """
    recipients = sorted(set(people))
    if not recipients:
        return
    moment = now()
    preferences = await _preferences(session, recipients, moment)
    rows = [
        NoticeRow(
            id=new_id(), person_id=person, kind=kind, unique_key=f"{key}:{person}",
            card_id=card_id, task_id=task_id, facts=facts, at=moment,
            **_leaving(kind, moment, *preferences.get(person, (NoticePreferences(), None))),
        ).values()
        for person in recipients
    ]  # fmt: skip
    await session.execute(insert(NoticeRow).values(rows).on_conflict_do_nothing(index_elements=["unique_key"]))


async def addressees(session: AsyncSession, people: Sequence[str]) -> dict[str, Addressee]:
    """These people with their preferences, by id."""
    statement = (
        select(PersonRow, NoticePreferencesRow)
        .outerjoin(NoticePreferencesRow, NoticePreferencesRow.person_id == PersonRow.id)
        .where(PersonRow.id.in_(people))
    )
    found = await session.execute(statement)
    return {
        person.id: Addressee(person.id, person.email, person.name, person.locale, preferences_of(person, kept))
        for person, kept in found
    }


async def waiting_people(session: AsyncSession, people: int, besides: Iterable[str], loop: str) -> tuple[str, ...]:
    """Up to `people` ids of those with something due and undelivered, who has waited longest first.

    Left out are those in `besides`, and those whom `loop` has set aside.
    """
    moment = now()
    statement = (
        select(NoticeRow.person_id)
        .where(
            _waiting(moment), NoticeRow.person_id.not_in(list(besides)), ~left_out(loop, NoticeRow.person_id, moment)
        )
        .group_by(NoticeRow.person_id)
        .order_by(func.min(NoticeRow.due_at))
        .limit(people)
    )
    return tuple((await session.execute(statement)).scalars())


async def due(session: AsyncSession, person: str) -> tuple[NoticeRow, ...]:
    """List what is due and undelivered of this person, oldest first, locked to the transaction's end.

    Empty while another deliverer is choosing its own.
    """
    if not await try_acquire(session, AdvisoryLock.NOTICES):
        return ()
    statement = (
        select(NoticeRow).where(_waiting(now()), NoticeRow.person_id == person).order_by(NoticeRow.id).with_for_update()
    )
    return tuple((await session.execute(statement)).scalars())


def _waiting(moment: datetime) -> ColumnElement[bool]:
    return and_(NoticeRow.due_at <= moment, _UNDELIVERED)


async def set_all(session: AsyncSession, ids: Sequence[str], **values: Any) -> None:
    """Sets columns of these notices."""
    if not ids:
        return
    await session.execute(
        update(NoticeRow).where(NoticeRow.id.in_(ids)).values(**values).execution_options(synchronize_session=False)
    )


async def tried_once_more(session: AsyncSession, ids: Sequence[str], due_again: datetime) -> None:
    """Counts an attempt; they are due again then, unless they are settled before."""
    await set_all(session, ids, due_at=due_again, attempts=NoticeRow.attempts + 1)


def preferences_of(person: PersonRow, kept: NoticePreferencesRow | None) -> NoticePreferences:
    """Return the settings of a person's row; nothing is sent outside unless they asked for it and still work here."""
    zone = ZoneInfo(person.timezone)
    if kept is None or not person.active:
        return NoticePreferences(zone=zone)
    quiet = None if kept.quiet_from is None or kept.quiet_until is None else (kept.quiet_from, kept.quiet_until)
    return NoticePreferences(kept.mail, kept.webhook_url, kept.digest_minutes, quiet, zone)


async def _preferences(
    session: AsyncSession, people: Sequence[str], moment: datetime
) -> dict[str, tuple[NoticePreferences, datetime | None]]:
    """Each one's preferences, and when the digest leaves that is being collected for them."""
    collecting = (
        select(func.min(NoticeRow.due_at))
        .where(NoticeRow.person_id == PersonRow.id, _UNDELIVERED, NoticeRow.attempts == 0, NoticeRow.due_at > moment)
        .correlate(PersonRow)
        .scalar_subquery()
    )
    statement = (
        select(PersonRow, NoticePreferencesRow, collecting)
        .outerjoin(NoticePreferencesRow, NoticePreferencesRow.person_id == PersonRow.id)
        .where(PersonRow.id.in_(people))
    )
    found = await session.execute(statement)
    return {person.id: (preferences_of(person, kept), joins) for person, kept, joins in found}


def _leaving(
    kind: NoticeKind, moment: datetime, preferences: NoticePreferences, joins: datetime | None
) -> dict[str, Any]:
    return {
        "due_at": delivered_from(kind, moment, preferences, joins),
        "mailed_at": None if preferences.mail else moment,
        "hooked_at": None if preferences.webhook_url else moment,
    }
