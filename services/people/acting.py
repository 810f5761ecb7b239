"""For whom a person acts at this moment, and what all of them may do: read again for every claim and every decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import AuditRow
from domain.errors.people import NotSignedIn
from domain.people.access import HANDLING
from domain.people.acting import ActingReviewer, Reviewer
from domain.people.roles import Role, permissions_of
from domain.places import business_day
from domain.rules.checks import check_policy

# Of each of these people: themselves first, then everyone they stand in for now, each with the sellers they are related to.
_CIRCLES = text("""
SELECT whose.id AS whose, p.id, p.active, p.roles, p.skill_types, p.skill_brands, p.skill_languages, p.limit_minor,
       ARRAY(SELECT r.seller FROM person_relative r WHERE r.person_id = p.id) AS sellers,
       ARRAY(SELECT substr(a.actor, 8) FROM audit_event a
             WHERE a.subject = p.id AND a.act = ANY(CAST(:acts AS text[])) AND a.at > :since AND a.actor LIKE 'person:%') AS handlers
FROM unnest(CAST(:people AS text[])) AS whose(id)
CROSS JOIN LATERAL (
    SELECT whose.id AS id
    UNION
    SELECT a.person_id FROM absence a
    WHERE a.stand_in = whose.id AND a.starts_at <= :now AND a.ends_at > :now AND a.ended_at IS NULL) AS circle
JOIN person p ON p.id = circle.id
ORDER BY whose.id, p.id <> whose.id, p.id
""")


async def standing(session: AsyncSession, person_id: str, now: datetime) -> ActingReviewer:
    """Return the person with their circle and rights, in one statement. Refuses NotSignedIn when they no longer work here."""
    found = (await standings(session, [person_id], now)).get(person_id)
    if found is None:
        raise NotSignedIn()
    return found


async def standings(session: AsyncSession, people: Sequence[str], now: datetime) -> dict[str, ActingReviewer]:
    """Return many people with their circles and rights, by id, in one statement; inactive people have none."""
    return {whose: standing_of(circle) for whose, circle in (await circles(session, people, now)).items()}


async def circles(session: AsyncSession, people: Sequence[str], now: datetime) -> dict[str, list[Any]]:
    """Return the rows that the standing of each of these people (ids) is made of, none of them judged yet."""
    given = {"people": list(people), "now": now, "acts": list(HANDLING), "since": handled_since(now)}
    rows = (await session.execute(_CIRCLES, given)).all()
    found = ((whose, list(circle)) for whose, circle in groupby(rows, key=lambda row: str(row.whose)))
    return {whose: circle for whose, circle in found if circle[0].id == whose and circle[0].active}


def handled_since(now: datetime) -> datetime:
    """Return from when on one person's handling of two accounts makes them one at four eyes."""
    return now - timedelta(days=check_policy(business_day(now)).same_hands_days)


async def handled_by(session: AsyncSession, people: Iterable[str], now: datetime) -> dict[str, frozenset[str]]:
    """Return who made, invited, reset or gave roles to each of these people (ids) within the policy's days before `now`.

    An account made by the installation, at its first start or on the command line, has no creator.
    """
    mine = (AuditRow.subject.in_(list(people)), AuditRow.act.in_(HANDLING), AuditRow.actor.like("person:%"))
    lately = (AuditRow.at > handled_since(now), AuditRow.at <= now)
    rows = await session.execute(select(AuditRow.subject, AuditRow.actor).where(*mine, *lately))
    found: dict[str, set[str]] = {}
    for subject, actor in rows:
        found.setdefault(subject, set()).add(actor.removeprefix("person:"))
    return {subject: frozenset(actors) for subject, actors in found.items()}


def standing_of(circle: list[Any]) -> ActingReviewer:
    """Return the standing that one person's rows make, their own first. Raises ValueError or TypeError for a faulty row."""
    allowed = permissions_of(Role(role) for role in circle[0].roles)
    return ActingReviewer(
        person=circle[0].id,
        circle=frozenset(row.id for row in circle),
        eligible_as=tuple(_reviewer(row) for row in circle if row.active),
        relatives=frozenset(seller for row in circle for seller in row.sellers),
        permissions=allowed,
        handlers=frozenset(one for row in circle for one in row.handlers),
    )


def _reviewer(row: Any) -> Reviewer:
    return Reviewer(
        person=row.id,
        card_types=frozenset(row.skill_types),
        brands=frozenset(row.skill_brands),
        languages=frozenset(row.skill_languages),
        limit_minor=row.limit_minor,
        permissions=permissions_of(Role(role) for role in row.roles),
    )
