"""The review queue: tasks in order, each in at most one hand for as long as its lease lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain.people import Permission, Role, permissions_of
from domain.refusals import NotAllowed, NotFound, NotSignedIn, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.rules.limits import limits_in_force
from domain.sealing import KeyRing


@dataclass(frozen=True)
class Lease:
    """A task in somebody's hand until `until`."""

    task_id: str
    card_id: str
    until: datetime


class ReviewQueue:
    """Who has which task. `person` is always a person's id; what they may do is judged here again."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def take(self, person: str, task_id: str | None) -> Lease | None:
        """The named task, or the next one this person may decide; None when the queue has none for them.

        A lease in hand is renewed. Refuses TaskHeldByAnother (`holder`, `until`), TaskDecided, NotFound, NotAllowed.
        """
        async with self._database.transaction() as session:
            allowed = await require(session, person, Permission.DECIDE)
            senior = Permission.DECIDE_ESCALATED in allowed
            taken = (await session.execute(self._taking(person, task_id, senior))).scalar_one_or_none()
            if taken is None and task_id is not None:
                raise await self._why_not(session, task_id, senior)
        return None if taken is None else Lease(taken.id, taken.card_id, taken.leased_until)

    async def release(self, person: str, task_id: str) -> None:
        """Gives a task back; nothing happens to one that is not in this person's hand."""
        task: Any = ReviewTaskRow
        held = (task.id == task_id, task.leased_by == person, task.closed_at.is_(None))
        async with self._database.transaction() as session:
            await session.execute(update(ReviewTaskRow).where(*held).values(leased_by=None, leased_until=None))

    def _taking(self, person: str, task_id: str | None, senior: bool) -> Any:
        """One statement, which passes over what others hold and what others are taking at this moment.

        The lease in hand comes first, then escalated tasks, then the others: three walks of the queue's own order.
        """
        task: Any = ReviewTaskRow
        if task_id is not None:
            walks = [self._first(person, task.id == task_id, senior)]
        else:
            mine = (task.leased_by == person) & (task.leased_until > self._now())
            wanted = [mine, task.escalated, ~task.escalated] if senior else [mine, ~task.escalated]
            walks = [self._first(person, which, senior) for which in wanted]
        until = self._now() + timedelta(seconds=limits_in_force(self._now().date()).review_lease_s)
        return (
            update(ReviewTaskRow)
            .where(task.id == (func.coalesce(*walks) if len(walks) > 1 else walks[0]))
            .values(leased_by=person, leased_until=until)
            .returning(ReviewTaskRow)
            .execution_options(synchronize_session=False)
        )

    def _first(self, person: str, which: Any, senior: bool) -> Any:
        task: Any = ReviewTaskRow
        free = task.leased_until.is_(None) | (task.leased_until <= self._now()) | (task.leased_by == person)
        undecided = ~select(_c(ReviewDecisionRow).id).where(_is(ReviewDecisionRow.task_id, task.id)).exists()
        found = select(task.id).where(task.closed_at.is_(None), which, free, undecided)
        if not senior:
            found = found.where(~task.escalated)
        return found.order_by(task.due_at, task.id).limit(1).with_for_update(skip_locked=True).scalar_subquery()

    async def _why_not(self, session: AsyncSession, task_id: str, senior: bool) -> Exception:
        task = await session.get(ReviewTaskRow, task_id)
        if task is None:
            return NotFound(task=task_id[:64])
        decision = await decision_on(session, task_id)
        if task.closed_at is not None or decision is not None:
            return TaskDecided(by=decision.person_id if decision else "")
        if task.escalated and not senior:
            return NotAllowed(permission=Permission.DECIDE_ESCALATED.value)
        return _held_by_another(task)

    def require_held(self, task: ReviewTaskRow, person: str) -> None:
        """Refuses TaskDecided, TaskHeldByAnother and TaskNotHeld unless the task is in this person's hand."""
        if task.closed_at is not None:
            raise TaskDecided(by="")
        lasting = task.leased_until is not None and task.leased_until > self._now()
        if task.leased_by != person and lasting:
            raise _held_by_another(task)
        if task.leased_by != person or not lasting:
            raise TaskNotHeld()


async def require(session: AsyncSession, person: str, permission: Permission) -> frozenset[Permission]:
    """Everything the person may do. Refuses NotSignedIn when they no longer work here, NotAllowed without it."""
    row = await session.get(PersonRow, person)
    if row is None or not row.active:
        raise NotSignedIn()
    allowed = permissions_of(Role(role) for role in row.roles)
    if permission not in allowed:
        raise NotAllowed(permission=permission.value)
    return allowed


async def decision_on(session: AsyncSession, task_id: str) -> ReviewDecisionRow | None:
    """The task's only decision that stands; None while there is none. What was undone or returned stands for nothing."""
    standing = (_is(ReviewDecisionRow.task_id, task_id), _c(ReviewDecisionRow).void_at.is_(None))
    statement = select(ReviewDecisionRow).where(*standing)
    return (await session.execute(statement)).scalar_one_or_none()


def _held_by_another(task: ReviewTaskRow) -> TaskHeldByAnother:
    until = task.leased_until.isoformat() if task.leased_until else ""
    return TaskHeldByAnother(holder=task.leased_by or "", until=until)


def _is(column: Any, value: Any) -> Any:
    """`column == value` in SQL; the tables annotate their columns as the values they hold."""
    return column == value


def _c(table: Any) -> Any:
    """A table whose attributes are columns; SQLModel annotates them as the values they hold."""
    return table
