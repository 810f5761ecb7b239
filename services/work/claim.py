"""The one statement that gives out a review task: found, judged and leased at once, passing over what others are taking.

Its conditions say in SQL what `domain.work.eligibility.why_not` says in Python; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import DateTime, SmallInteger, String, bindparam, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import TextClause

from database.session import Database
from database.tables.review import ReviewTaskRow
from domain.people.access import HANDLING
from domain.people.roles import PERMISSIONS, Permission
from services.people.acting import handled_since

# Everyone the person acts for at this moment, themselves included, with what each knows and may.
_CIRCLE = """
SELECT p.id, p.active, p.skill_types, p.skill_brands, p.skill_languages, p.limit_minor, p.roles ?| {seniors} AS senior
FROM person p
WHERE p.id = :person OR p.id IN (
    SELECT a.person_id FROM absence a
    WHERE a.stand_in = :person AND a.starts_at <= :now AND a.ends_at > :now AND a.ended_at IS NULL)
"""

# What the person's own roles allow, with whom they may not share a task, and whose cases are none of theirs.
_ME = """
SELECT p.roles ?| {deciders} AS decides, p.roles ?| {checkers} AS checks,
       ARRAY(SELECT c.id FROM circle c) AS circle_ids,
       ARRAY(SELECT c.id FROM circle c
             UNION SELECT substr(a.actor, 8) FROM audit_event a
             WHERE a.subject IN (SELECT c.id FROM circle c) AND a.act = ANY(ARRAY[{handling}]) AND a.at > :handled_since
               AND a.actor LIKE 'person:%') AS ids,
       ARRAY(SELECT r.seller FROM person_relative r WHERE r.person_id IN (SELECT c.id FROM circle c)) AS sellers
FROM person p WHERE p.id = :person AND p.active
"""

# A claimed task was checked when it was claimed, and is checked again when it is decided.
# The rights are asked as an aggregate so that the planner keeps to the queue's own index instead of joining.
_WAITING = "review_task.closed_at IS NULL AND NOT review_task.decided"
_ELIGIBLE = """
(review_task.leased_until IS NULL OR review_task.leased_until <= :now OR review_task.leased_by IS NULL
     OR review_task.leased_by = :person)
AND (review_task.assigned_to IS NULL OR review_task.assigned_to = :person)
AND (review_task.snoozed_until IS NULL OR review_task.snoozed_until <= :now)
AND CASE WHEN review_task.phase = 'check' THEN
        (SELECT me.checks FROM me) AND NOT review_task.maker_circle ?| (SELECT me.ids FROM me)
        AND coalesce((SELECT d.effective_at <= :now FROM review_decision d WHERE d.id = review_task.staged_id), true)
    ELSE (SELECT me.decides FROM me) END
AND (review_task.barred = '[]' OR NOT review_task.barred ?| (SELECT me.ids FROM me))
AND (review_task.linked = '[]' OR NOT review_task.linked ?| (SELECT me.circle_ids FROM me))
AND review_task.seller <> ALL ((SELECT me.sellers FROM me)::varchar[])
AND (SELECT bool_or(
        (c.senior OR NOT review_task.escalated)
        AND (c.skill_types = '[]' OR c.skill_types ? review_task.card_type)
        AND (c.skill_brands = '[]' OR c.skill_brands ? review_task.brand)
        AND (c.skill_languages = '[]' OR c.skill_languages ? review_task.language)
        AND (c.limit_minor IS NULL OR review_task.value_minor <= c.limit_minor))
     FROM circle c WHERE c.active)
"""
_HELD = """
review_task.leased_by = :person AND review_task.leased_until > :now AND review_task.leased_until >= :since
AND EXISTS (SELECT FROM me)
"""
_GIVEN = "review_task.assigned_to = :person"
_NAMED = "review_task.id = :task"
_BEHIND = "(review_task.band, review_task.order_at, review_task.id) >= (:front_band, :front_at, :front_id)"
_IN_ORDER = "review_task.band, review_task.order_at, review_task.id"
_SOONEST = "review_task.leased_until, review_task.id"
_KEPT = "CASE WHEN review_task.leased_by = :person AND review_task.leased_until > :now THEN review_task.leased_at ELSE :now END"

_MOMENT = DateTime(timezone=True)
_TYPES: dict[str, Any] = {
    "person": String, "now": _MOMENT, "handled_since": _MOMENT, "task": String,
    "since": _MOMENT, "front_band": SmallInteger, "front_at": _MOMENT, "front_id": String, "until": _MOMENT,
}  # fmt: skip
_TASK: Any = ReviewTaskRow  # Attributes of models are columns in a statement.


@dataclass(frozen=True)
class Front:
    """Where a person's last claim stopped: no task before it was eligible for them, a moment ago."""

    band: int
    order_at: datetime
    task_id: str
    leased_until: datetime


@dataclass(frozen=True)
class Claim:
    """Who claims what, at which moment and until when. Without a task the next one, behind `front` where there is one."""

    person: str
    now: datetime
    until: datetime
    task_id: str | None = None
    conditions: tuple[Any, ...] = ()  # Further conditions on a next task, as SQL expressions.
    front: Front | None = None


@dataclass(frozen=True)
class Taken:
    """What a claim was given: the row's own columns, in the order in which the statement returns them."""

    task_id: str
    card_id: str
    band: int
    order_at: datetime
    leased_at: datetime
    leased_until: datetime
    assigned_to: str | None


async def claim(database: Database, wanted: Claim) -> Taken | None:
    """Leases one task; None when there is none for them.

    Raises DatabaseUnavailable.
    """
    named, behind, values = wanted.task_id is not None, wanted.front is not None, _values(wanted)
    if not wanted.conditions:
        sql, names = _plain(named, behind)
        row = await database.one(sql, *(values[name] for name in names))
    else:
        async with database.statement() as connection:
            row = (await connection.execute(_built(named, behind, wanted.conditions), values)).one_or_none()
    return None if row is None else Taken(*row)


async def glimpse(connection: AsyncConnection, wanted: Claim, but: str) -> str | None:
    """The card that a claim without a task would open if the task `but` were gone; None when there is none.

    The claim's own three walks, read only: nothing is leased and nothing is locked.
    """
    eligible, other = _text(_ELIGIBLE), _TASK.id != but
    walks = [
        _walk([_text(_HELD), other], _SOONEST),
        _walk([_text(_GIVEN), eligible, other], _IN_ORDER),
        _walk([eligible, other, *wanted.conditions], _IN_ORDER),
    ]
    task = _TASK.__table__.c
    found = select(task.card_id).where(task.id == func.coalesce(*(walk.scalar_subquery() for walk in walks)))
    return (await connection.execute(found.add_cte(*_who()), _values(wanted))).scalar_one_or_none()


@cache
def _plain(named: bool, behind: bool) -> tuple[str, tuple[str, ...]]:
    """The driver's own SQL of a claim without filters, and the names of its values in their order."""
    compiled = _built(named, behind, ()).compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup)


def _built(named: bool, behind: bool, conditions: Sequence[Any]) -> Any:
    """Return claimed tasks first, then assigned ones, then the queue: three walks, each with its own index."""
    eligible = _text(_ELIGIBLE)
    if named:
        walks = [_first([_text(_NAMED), eligible], _IN_ORDER)]
    else:
        ahead = [_text(_BEHIND)] if behind else []
        walks = [
            _first([_text(_HELD)], _SOONEST),
            _first([_text(_GIVEN), eligible], _IN_ORDER),
            _first([*ahead, eligible, *conditions], _IN_ORDER),
        ]
    task = _TASK.__table__.c
    return (
        update(_TASK.__table__)
        .where(task.id == (func.coalesce(*walks) if len(walks) > 1 else walks[0]))
        .values(leased_by=bindparam("person"), leased_until=bindparam("until"), leased_at=_text(_KEPT))
        .returning(task.id, task.card_id, task.band, task.order_at, task.leased_at, task.leased_until, task.assigned_to)
        .add_cte(*_who())
    )


def _who() -> tuple[Any, ...]:
    """Everyone the person acts for, and what they themselves may, as the walks name them."""
    named = ((_CIRCLE, "circle"), (_ME, "me"))
    return tuple(_text(sql.format(**_roles())).columns().cte(name) for sql, name in named)


def _first(which: Sequence[Any], order: str) -> Any:
    return _walk(which, order).with_for_update(skip_locked=True).scalar_subquery()


def _walk(which: Sequence[Any], order: str) -> Any:
    found: Any = select(literal_column("review_task.id")).select_from(_TASK.__table__).where(_text(_WAITING), *which)
    return found.order_by(text(order)).limit(literal_column("1"))


def _text(sql: str) -> TextClause:
    named = [name for name in _TYPES if f":{name}" in sql.replace("::", "")]
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in named))


def _values(wanted: Claim) -> dict[str, Any]:
    values: dict[str, Any] = {
        "person": wanted.person, "now": wanted.now, "until": wanted.until, "handled_since": handled_since(wanted.now),
    }  # fmt: skip
    if wanted.task_id is not None:
        return values | {"task": wanted.task_id}
    front = wanted.front
    if front is None:
        return values | {"since": wanted.now}
    return values | {
        "since": front.leased_until,
        "front_band": front.band,
        "front_at": front.order_at,
        "front_id": front.task_id,
    }


@cache
def _roles() -> dict[str, str]:
    """Which roles may decide, check, and decide what was escalated, and which acts handle an account, in SQL; our own words."""
    asked = {
        "deciders": Permission.DECIDE,
        "checkers": Permission.CHECK,
        "seniors": Permission.DECIDE_ESCALATED,
    }
    able = {name: [role for role, allowed in PERMISSIONS.items() if one in allowed] for name, one in asked.items()}
    named = {name: "ARRAY[" + ", ".join(f"'{role.value}'" for role in roles) + "]" for name, roles in able.items()}
    return named | {"handling": ", ".join(f"'{act}'" for act in HANDLING)}
