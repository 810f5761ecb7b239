"""The review queue as people see it: pages in a chosen order, and counts that cost little however long the queue is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.lease import lasts
from database.reads.work.queue_filter import conditions, due_soon, held_as
from database.tables.people import PersonRow
from database.tables.work import ReasonCodeRow, WorkItemRow
from domain.work.queue_filter import Hand, QueueSort, Wanted
from domain.work.task import Band, TaskPhase

PAGE = 20
COUNTED_MAX = 10_000  # Beyond it a count says "10,000+": counting further would read further.
_BIGINT_MAX = 2**63


@dataclass(frozen=True)
class Place:
    """Where a page of the queue ends: the values of its order's own columns, so that the next page starts behind them."""

    sort: QueueSort
    values: tuple[Any, ...]

    def text(self) -> str:
        """Write the place as a link carries it."""
        return "~".join(_written(value) for value in self.values)

    @classmethod
    def from_text(cls, sort: QueueSort, text: str) -> Place:
        """Read a place of this order from what `text` returned. Raises ValueError for anything else."""
        readers = [reader for _, reader in _ORDERS[sort]]
        parts = text.split("~", len(readers) - 1)
        if len(parts) != len(readers) or "\0" in text:
            raise ValueError("not a place in the queue")
        return cls(sort, tuple(reader(part) for reader, part in zip(readers, parts, strict=True)))

    @classmethod
    def of(cls, sort: QueueSort, task: WorkItemRow) -> Place:
        """Return the place of a task in this order."""
        return cls(sort, tuple(getattr(task, name) for name, _ in _ORDERS[sort]))


@dataclass(frozen=True)
class QueueEntry:
    """One open task. `holder` is the name of the person with a live lease, `assignee` of the person it is assigned to."""

    task: WorkItemRow
    holder: str | None
    assignee: str | None


@dataclass(frozen=True)
class QueuePage:
    """Tasks in the order asked for; `after` is None on the last page."""

    entries: tuple[QueueEntry, ...]
    after: Place | None


@dataclass(frozen=True)
class QueueCounts:
    """Return how many open tasks there are; COUNTED_MAX + 1 means more than COUNTED_MAX."""

    own_team: str | None  # None: the person is gone.
    found: int  # Of the filter in use.
    team: int  # Of the person's own team, or of all; without snoozed ones.
    mine: int  # In the person's hand, or given to them.
    escalated: int
    soon_late: int
    snoozed: int
    waiting: int  # Another desk or the customer is to act.
    second_review: int


async def queue(
    session: AsyncSession, wanted: Wanted, after: Place | None, person: str, now: datetime, limit: int = PAGE
) -> QueuePage:
    """One page of open tasks behind `after`, in one statement; `person` (an id) is whom the filter's "mine" means."""
    found = (await session.execute(_page(wanted, after, person, now, limit + 1))).all()
    entries = tuple(QueueEntry(task, holder, assignee) for task, holder, assignee in found[:limit])
    return QueuePage(entries, Place.of(wanted.sort, entries[-1].task) if len(found) > limit else None)


async def counts(
    session: AsyncSession, wanted: Wanted, person: str, now: datetime, *, by_team: bool = True
) -> QueueCounts:
    """All counts in one statement, none of which reads much further than COUNTED_MAX tasks that it counts.

    Without `by_team`, `team` counts the tasks of all teams.
    """
    own_team = select(PersonRow.team).where(PersonRow.id == person).scalar_subquery()
    ours = WorkItemRow.band < int(Band.WAITING)
    awake = and_(ours, or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= now))
    kind = WorkItemRow.kind == wanted.kind
    held, assigned = held_as(Hand.MINE, person, now), WorkItemRow.assigned_to == person
    columns = {
        "own_team": own_team,
        "found": _count(*conditions(wanted, person, now)),
        "team": _count(
            kind, *((WorkItemRow.team == own_team,) if by_team else ()), awake, WorkItemRow.decided.is_(False)
        ),
        "mine": _count(kind, or_(held, assigned), awake, WorkItemRow.decided.is_(False)),
        "escalated": _count(kind, WorkItemRow.band == int(Band.ESCALATED), awake),
        "soon_late": _count(kind, due_soon(), awake),
        "snoozed": _count(kind, WorkItemRow.snoozed_until > now),
        "waiting": _count(kind, ~ours),
        "second_review": _count(kind, WorkItemRow.phase == TaskPhase.CHECK, awake),
    }
    statement = select(*(column.label(name) for name, column in columns.items()))
    return QueueCounts(**(await session.execute(statement)).mappings().one())


async def teams(session: AsyncSession) -> tuple[str, ...]:
    """List the teams that people work in."""
    statement = select(PersonRow.team).where(PersonRow.active).distinct().order_by(PersonRow.team)
    return tuple((await session.execute(statement)).scalars())


async def reason_words(session: AsyncSession) -> dict[tuple[str, str], ReasonCodeRow]:
    """Return the whole managed list of reasons by act and code, those no longer in use among them, in their own order."""
    statement = select(ReasonCodeRow).order_by(ReasonCodeRow.act, ReasonCodeRow.position)
    return {(row.act, row.code): row for row in (await session.execute(statement)).scalars()}


def _page(wanted: Wanted, after: Place | None, person: str, now: datetime, limit: int) -> Select[WorkItemRow, str, str]:
    """The tasks first, by one walk of the order's index, then the names of the few that were found."""
    columns = _columns(wanted.sort, WorkItemRow)
    where = [WorkItemRow.closed_at.is_(None), *conditions(wanted, person, now)]
    if after is not None:
        where.append(_behind(columns, after))
    found = select(WorkItemRow).where(*where).order_by(*_ordered(wanted.sort, columns)).limit(limit).subquery()
    task = aliased(WorkItemRow, found)
    holder = aliased(PersonRow)
    assignee = aliased(PersonRow)
    return (
        select(task, holder.name, assignee.name)
        .outerjoin(holder, (holder.id == task.leased_by) & lasts(task, now))
        .outerjoin(assignee, assignee.id == task.assigned_to)
        .order_by(*_ordered(wanted.sort, _columns(wanted.sort, task)))
    )


def _columns(sort: QueueSort, task: Any) -> list[Any]:
    return [getattr(task, name) for name, _ in _ORDERS[sort]]


def _ordered(sort: QueueSort, columns: list[Any]) -> list[Any]:
    return [column.desc() for column in columns] if sort is QueueSort.VALUE else columns


def _behind(columns: list[Any], after: Place) -> ColumnElement[bool]:
    """One comparison of rows, so that the index is entered where the page before ended."""
    here, there = tuple_(*columns), tuple_(*(literal(value) for value in after.values))
    return here < there if after.sort is QueueSort.VALUE else here > there


def _count(*where: Any) -> Any:
    some = select(literal(1)).where(WorkItemRow.closed_at.is_(None), *where).limit(COUNTED_MAX + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1970 <= moment.year <= 9000:
        raise ValueError("a place names an aware moment of our times")
    return moment


def _number(text: str) -> int:
    number = int(text)
    if abs(number) >= _BIGINT_MAX:
        raise ValueError("no amount is so large")
    return number


def _band(text: str) -> int:
    return int(Band(int(text)))


_ORDERS: dict[QueueSort, tuple[tuple[str, Callable[[str], Any]], ...]] = {
    QueueSort.QUEUE: (("band", _band), ("order_at", _moment), ("id", str)),
    QueueSort.DUE: (("due_at", _moment), ("id", str)),
    QueueSort.VALUE: (("value_minor", _number), ("id", str)),
    QueueSort.AGE: (("opened_at", _moment), ("id", str)),
}
