"""Assign tasks to people with free capacity, in the queue's order, and take them back from people who are away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import is_free, lasts
from database.locks import AdvisoryLock, try_acquire
from database.repositories import set_aside
from database.repositories.loop_faults import apart
from database.repositories.notices import tell
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.people import AbsenceRow, PersonRow
from database.tables.work import WorkItemRow
from domain.notices.kinds import NoticeKind
from domain.people.acting import ActingReviewer
from domain.work.eligibility import Ineligible, why_not
from domain.work.kinds import kinds
from services.people.acting import circles, standing, standing_of
from services.work.leases import audited_by_machine, refusal_of
from services.work.task_facts import task_facts

LOOP = "assignment"
PAGE = 100  # Tasks looked at together.
PAGES_MAX = 20  # After this many pages of tasks that no available person may take, the rest waits for the next run.
# What an assignment itself changes, or what passes with time.
_PASSING = frozenset({Ineligible.HELD, Ineligible.ASSIGNED, Ineligible.SNOOZED})


class Assignment:
    """Keeps as many tasks assigned to each person as their capacity says."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def drain(self, limit: int) -> int:
        """Takes back what away people have, then gives out up to `limit` tasks; returns how many it gave. Safe to repeat.

        Each goes to the person of those who may have it with the most room left. A task or a person that fails is set aside, and its
        part of the transaction is rolled back. Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            if not await try_acquire(session, AdvisoryLock.ASSIGNMENT):
                return 0
            now = self._now()
            await self._take_back(session, now, limit)
            room, done = await _room(session, now), 0
            theirs = await self._available(session, list(room), now)
            for kind in kinds():
                done += await self._give_out(session, kind.code, room, theirs, now, limit - done)
            return done

    async def _give_out(
        self,
        session: AsyncSession,
        kind: str,
        room: dict[str, int],
        theirs: list[ActingReviewer],
        now: datetime,
        limit: int,
    ) -> int:
        done, after = 0, None
        for _ in range(PAGES_MAX):
            ready = await _ready(session, kind, now, after) if any(room.values()) else []
            last = (ready[-1].band, ready[-1].order_at, ready[-1].id) if ready else None
            for task_id, task in [(task.id, task) for task in ready] if done < limit else ():
                async with self._alone(session, task_id):
                    done += await _given_to_best(session, task, room, theirs, now) if done < limit else 0
            if len(ready) < PAGE or done == limit:
                break
            after = last
        return done

    async def _available(self, session: AsyncSession, people: list[str], now: datetime) -> list[ActingReviewer]:
        """The people whose rows can be judged; one with a faulty row is set aside, and the others are given work."""
        found: list[ActingReviewer] = []
        for person, circle in (await circles(session, people, now)).items():
            async with apart(self._database, LOOP, person):
                found.append(standing_of(circle))
        return found

    async def _stand_in(self, session: AsyncSession, former: str, task: WorkItemRow, now: datetime) -> str | None:
        """Return the first stand-in who may have the task; one with a faulty row is set aside and skipped."""
        facts = await task_facts(session, task)
        for one in await _named(session, former, now):
            async with apart(self._database, LOOP, one):
                circle = (await circles(session, [one], now)).get(one)
                if circle is not None and not _lasting(why_not(standing_of(circle), facts, now)):
                    return one
        return None

    async def _take_back(self, session: AsyncSession, now: datetime, limit: int) -> None:
        """Move unclaimed tasks of people who are away, off duty or gone to an eligible stand-in, or to the queue."""
        tasks = (await session.execute(_stuck(now).limit(limit).with_for_update(skip_locked=True))).scalars().all()
        for task_id, task in [(task.id, task) for task in tasks]:
            async with self._alone(session, task_id):
                former, task.assigned_to, task.assigned_at = task.assigned_to or "", None, None
                to = await self._stand_in(session, former, task, now)
                if to is not None:
                    await given(session, task, to, now)
                session.add(audited_by_machine("take_back", task_id, former=former, to=to or ""))
                await set_aside.done(session, LOOP, task_id)

    @asynccontextmanager
    async def _alone(self, session: AsyncSession, task_id: str) -> AsyncIterator[None]:
        """One task in a savepoint: its failure rolls back its own part and sets it aside; the others continue."""
        async with apart(self._database, LOOP, task_id), session.begin_nested():
            yield


async def given(session: AsyncSession, task: WorkItemRow, to: str, now: datetime) -> None:
    """Record the assignment and notify the assignee; the caller has locked the task and checked the person."""
    task.assigned_to, task.assigned_at = to, now
    key = f"{NoticeKind.ASSIGNED}:{task.id}:{now.isoformat()}"
    await tell(session, [to], NoticeKind.ASSIGNED, key, card_id=task.card_id, task_id=task.id)


async def require_able(session: AsyncSession, person: str, task: WorkItemRow, now: datetime) -> None:
    """Refuse what keeps the person from this task, except that it is held, assigned or snoozed: OwnWork, NotEligible …"""
    theirs = await standing(session, person, now)
    reasons = _lasting(why_not(theirs, await task_facts(session, task), now))
    if reasons:
        raise refusal_of(reasons, task)


async def _given_to_best(
    session: AsyncSession, task: WorkItemRow, room: dict[str, int], theirs: list[ActingReviewer], now: datetime
) -> bool:
    to = await _best(session, task, room, theirs, now)
    if to is None:
        return False
    await given(session, task, to, now)
    session.add(audited_by_machine("assign", task.id, to=to))
    await set_aside.done(session, LOOP, task.id)
    await session.flush()
    room[to] -= 1
    return True


async def _best(
    session: AsyncSession, task: WorkItemRow, room: dict[str, int], theirs: list[ActingReviewer], now: datetime
) -> str | None:
    facts = await task_facts(session, task)
    able = [one.person for one in theirs if room[one.person] > 0 and not why_not(one, facts, now)]
    return max(able, key=lambda person: (room[person], person), default=None)


async def _ready(
    session: AsyncSession, kind: str, now: datetime, after: tuple[int, datetime, str] | None
) -> list[WorkItemRow]:
    """Return the next page of unassigned tasks, locked; tasks that are being claimed at this moment are skipped."""
    order = (WorkItemRow.band, WorkItemRow.order_at, WorkItemRow.id)
    free = (
        WorkItemRow.kind == kind,
        WorkItemRow.closed_at.is_(None),
        WorkItemRow.decided.is_(False),
        WorkItemRow.assigned_to.is_(None),
        is_free(WorkItemRow, now),
        or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= now),
        WorkItemRow.waiting.is_(False),
        ~left_out(LOOP, WorkItemRow.id, now),
    )
    statement = select(WorkItemRow).where(*free).order_by(*order).limit(PAGE).with_for_update(skip_locked=True)
    if after is not None:
        statement = statement.where(tuple_(*order) > tuple_(*after))
    return list((await session.execute(statement)).scalars())


async def _room(session: AsyncSession, now: datetime) -> dict[str, int]:
    """How many more tasks each person on duty can be given; people without room are left out."""
    has = (
        select(func.count())
        .where(
            WorkItemRow.closed_at.is_(None),
            WorkItemRow.decided.is_(False),
            or_(
                WorkItemRow.assigned_to == PersonRow.id,
                (WorkItemRow.leased_by == PersonRow.id) & lasts(WorkItemRow, now),
            ),
        )
        .correlate(PersonRow)
        .scalar_subquery()
    )
    free = (PersonRow.capacity - has).label("free")
    at_work = (
        PersonRow.active, PersonRow.on_duty, PersonRow.capacity > 0, PersonRow.id.not_in(_away(now)),
        ~left_out(LOOP, PersonRow.id, now),
    )  # fmt: skip
    rows = await session.execute(select(PersonRow.id, free).where(*at_work))
    return {row.id: row.free for row in rows if row.free > 0}


def _stuck(now: datetime) -> Any:
    gone = select(PersonRow.id).where(or_(~PersonRow.active, ~PersonRow.on_duty, PersonRow.id.in_(_away(now))))
    stuck = select(WorkItemRow).where(
        WorkItemRow.closed_at.is_(None),
        WorkItemRow.decided.is_(False),
        WorkItemRow.assigned_to.in_(gone),
        is_free(WorkItemRow, now),
        ~left_out(LOOP, WorkItemRow.id, now),
    )
    return stuck.order_by(WorkItemRow.assigned_at, WorkItemRow.id)  # Those that have waited longest come first.


async def _named(session: AsyncSession, person: str, now: datetime) -> tuple[str, ...]:
    """Who stands in for the person now, is on duty, and is not set aside, in the order of the absences."""
    named = (
        select(PersonRow.id)
        .join(AbsenceRow, AbsenceRow.stand_in == PersonRow.id)
        .where(AbsenceRow.person_id == person, AbsenceRow.away, *_lasts(now))
        .where(PersonRow.active, PersonRow.on_duty, ~left_out(LOOP, PersonRow.id, now))
    )
    return tuple((await session.execute(named.order_by(AbsenceRow.starts_at))).scalars())


def _away(now: datetime) -> Any:
    return select(AbsenceRow.person_id).where(AbsenceRow.away, *_lasts(now))


def _lasts(now: datetime) -> tuple[Any, ...]:
    return AbsenceRow.starts_at <= now, AbsenceRow.ends_at > now, AbsenceRow.ended_at.is_(None)


def _lasting(reasons: tuple[Ineligible, ...]) -> tuple[Ineligible, ...]:
    return tuple(reason for reason in reasons if reason not in _PASSING)
