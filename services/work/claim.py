"""The one statement that gives out a work item of any kind: found, judged and leased at once, passing over what others are taking.

Its conditions say in SQL what `domain.work.eligibility.why_not` says in Python; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import DateTime, SmallInteger, String, and_, bindparam, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import TextClause

from database.lease import free_sql, lasts_sql
from database.session import Database
from database.tables.work import WorkItemRow
from domain.people.access import HANDLING
from domain.people.roles import PERMISSIONS, Permission
from domain.work.kinds import REVIEW, KindOfWork, kind_of, kinds
from domain.work.task import Band
from services.people.acting import handled_since

# Everyone the person acts for at this moment, themselves included, with what each knows and may.
_CIRCLE = """
SELECT p.id, p.active, p.skill_types, p.skill_brands, p.skill_languages, p.limit_minor,
       {escalated} AS escalates
FROM person p
WHERE p.id = :person OR p.id IN (
    SELECT a.person_id FROM absence a
    WHERE a.stand_in = :person AND a.starts_at <= :now AND a.ends_at > :now AND a.ended_at IS NULL)
"""

# What the person's own roles allow, with whom they may not share a task, and whose cases are none of theirs.
_ME = """
SELECT {taken} AS takes, {checked} AS checks,
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
_WAITING = "work_item.closed_at IS NULL AND NOT work_item.decided"
_ELIGIBLE = f"""
({free_sql("work_item")} OR work_item.leased_by IS NULL
     OR work_item.leased_by = :person)
AND (work_item.assigned_to IS NULL OR work_item.assigned_to = :person)
AND (work_item.snoozed_until IS NULL OR work_item.snoozed_until <= :now)
AND CASE WHEN work_item.phase = 'check' THEN
        work_item.kind = ANY ((SELECT me.checks FROM me)::varchar[]) AND NOT work_item.maker_circle ?| (SELECT me.ids FROM me)
        AND coalesce((SELECT d.effective_at <= :now FROM review_decision d WHERE d.id = work_item.staged_id), true)
    ELSE work_item.kind = ANY ((SELECT me.takes FROM me)::varchar[]) END
AND (work_item.barred = '[]' OR NOT work_item.barred ?| (SELECT me.ids FROM me))
AND (work_item.linked = '[]' OR NOT work_item.linked ?| (SELECT me.circle_ids FROM me))
AND work_item.seller <> ALL ((SELECT me.sellers FROM me)::varchar[])
AND (SELECT bool_or(
        (NOT work_item.escalated OR work_item.kind = ANY (c.escalates))
        AND (c.skill_types = '[]' OR work_item.card_type IS NULL OR c.skill_types ? work_item.card_type)
        AND (c.skill_brands = '[]' OR work_item.brand = '' OR c.skill_brands ? work_item.brand)
        AND (c.skill_languages = '[]' OR c.skill_languages ? work_item.language)
        AND (c.limit_minor IS NULL OR work_item.value_minor <= c.limit_minor))
     FROM circle c WHERE c.active)
"""  # noqa: S608  # Only names of ours are put in.
_HELD = f"""
work_item.leased_by = :person AND {lasts_sql("work_item")} AND work_item.leased_until >= :since
AND EXISTS (SELECT FROM me)
"""
_GIVEN = "work_item.assigned_to = :person"
_WAITS_FOR_US = f"work_item.band < {int(Band.WAITING)}"
_NAMED = "work_item.id = :task"
_OF_THE_KIND = "work_item.kind = :of_kind"
_BEHIND = "(work_item.band, work_item.order_at, work_item.id) >= (:front_band, :front_at, :front_id)"
_IN_ORDER = "work_item.band, work_item.order_at, work_item.id"
_SOONEST = "work_item.leased_until, work_item.id"
_KEPT = f"CASE WHEN work_item.leased_by = :person AND {lasts_sql('work_item')} THEN work_item.leased_at ELSE :now END"

_MOMENT = DateTime(timezone=True)
_TYPES: dict[str, Any] = {
    "person": String, "of_kind": String, "now": _MOMENT, "handled_since": _MOMENT, "task": String,
    "since": _MOMENT, "front_band": SmallInteger, "front_at": _MOMENT, "front_id": String, "until": _MOMENT,
}  # fmt: skip


@dataclass(frozen=True)
class Front:
    """Where a person's last claim stopped: no task before it was eligible for them, a moment ago."""

    band: int
    order_at: datetime
    task_id: str
    leased_until: datetime


@dataclass(frozen=True)
class Claim:
    """Who claims what, at which moment and until when. Without a task the next one of the kind, behind `front` where there is one."""

    person: str
    now: datetime
    until: datetime
    task_id: str | None = None
    kind: str = REVIEW  # Of a next item; a named one is of its own.
    conditions: tuple[Any, ...] = ()  # Further conditions on a next task, as SQL expressions.
    front: Front | None = None


@dataclass(frozen=True)
class Taken:
    """What a claim was given: the row's own columns, in the order in which the statement returns them."""

    task_id: str
    card_id: str | None
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
        sql, names = _plain(_judged(wanted), named, behind)
        row = await database.one(sql, *(values[name] for name in names))
    else:
        async with database.statement() as connection:
            built = _built(_judged(wanted), named, behind, wanted.conditions)
            row = (await connection.execute(built, values)).one_or_none()
    return None if row is None else Taken(*row)


async def glimpse(connection: AsyncConnection, wanted: Claim, but: str) -> str | None:
    """Return the card that a claim without a task would open if the task `but` were gone; None when there is none.

    The claim's own three walks, read only: nothing is leased and nothing is locked.
    """
    eligible, other = _text(_ELIGIBLE), and_(WorkItemRow.id != but, _text(_OF_THE_KIND), _text(_WAITS_FOR_US))
    walks = [
        _walk([_text(_HELD), other], _SOONEST),
        _walk([_text(_GIVEN), eligible, other], _IN_ORDER),
        _walk([eligible, other, *wanted.conditions], _IN_ORDER),
    ]
    task = WorkItemRow.__table__.c
    found = select(task.card_id).where(task.id == func.coalesce(*(walk.scalar_subquery() for walk in walks)))
    return (await connection.execute(found.add_cte(*_who(_judged(wanted))), _values(wanted))).scalar_one_or_none()


def _judged(wanted: Claim) -> tuple[KindOfWork, ...]:
    """The kinds whose rights the statement asks for: a named item may be of any, the next one is of the kind that is wanted."""
    return kinds() if wanted.task_id is not None else (kind_of(wanted.kind),)


@cache
def _plain(known: tuple[KindOfWork, ...], named: bool, behind: bool) -> tuple[str, tuple[str, ...]]:
    """The driver's own SQL of a claim without filters, and the names of its values in their order."""
    compiled = _built(known, named, behind, ()).compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
    return str(compiled), tuple(compiled.positiontup)


def _built(known: tuple[KindOfWork, ...], named: bool, behind: bool, conditions: Sequence[Any]) -> Any:
    """Return claimed tasks first, then assigned ones, then the queue: three walks, each with its own index."""
    eligible = _text(_ELIGIBLE)
    if named:
        walks = [_first([_text(_NAMED), eligible], _IN_ORDER)]
    else:
        kind, ahead = and_(_text(_OF_THE_KIND), _text(_WAITS_FOR_US)), [_text(_BEHIND)] if behind else []
        walks = [
            _first([_text(_HELD), _text(_OF_THE_KIND)], _SOONEST),
            _first([_text(_GIVEN), kind, eligible], _IN_ORDER),
            _first([kind, *ahead, eligible, *conditions], _IN_ORDER),
        ]
    task = WorkItemRow.__table__.c
    return (
        update(WorkItemRow.__table__)
        .where(task.id == (func.coalesce(*walks) if len(walks) > 1 else walks[0]))
        .values(leased_by=bindparam("person"), leased_until=bindparam("until"), leased_at=_text(_KEPT))
        .returning(task.id, task.card_id, task.band, task.order_at, task.leased_at, task.leased_until, task.assigned_to)
        .add_cte(*_who(known))
    )


def _who(known: tuple[KindOfWork, ...]) -> tuple[Any, ...]:
    """Everyone the person acts for, and what they themselves may, as the walks name them."""
    named = ((_CIRCLE, "circle"), (_ME, "me"))
    return tuple(_text(sql.format(**_rights(known))).columns().cte(name) for sql, name in named)


def _first(which: Sequence[Any], order: str) -> Any:
    return _walk(which, order).with_for_update(skip_locked=True).scalar_subquery()


def _walk(which: Sequence[Any], order: str) -> Any:
    found: Any = (
        select(literal_column("work_item.id")).select_from(WorkItemRow.__table__).where(_text(_WAITING), *which)
    )
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
    values["of_kind"] = wanted.kind
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
def _rights(known: tuple[KindOfWork, ...]) -> dict[str, str]:
    """Which kinds a person's roles let them take, check and take escalated, and which acts handle an account, in SQL; our own words."""
    return {
        "taken": _kinds_open_to([(kind.code, kind.take) for kind in known]),
        "checked": _kinds_open_to([(kind.code, kind.check) for kind in known]),
        "escalated": _kinds_open_to([(kind.code, kind.take_escalated) for kind in known]),
        "handling": ", ".join(f"'{act}'" for act in HANDLING),
    }


def _kinds_open_to(needed: Sequence[tuple[str, Permission | None]]) -> str:
    """The kinds whose permission the roles of `p` give, as an array."""
    rows = []
    for code, permission in needed:
        roles = ", ".join(f"'{role.value}'" for role, allowed in PERMISSIONS.items() if permission in allowed)
        rows.append(f"('{code}', ARRAY[{roles}]::text[])")
    return (
        f"ARRAY(SELECT k.code FROM (VALUES {', '.join(rows)}) AS k (code, roles) WHERE p.roles ?| k.roles)::varchar[]"  # noqa: S608  # Our own words.
    )
