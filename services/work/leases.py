"""Leases of work items: claim, renew, release, and check before anything is done with one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import NOBODY, is_held_by
from database.reads.review.valid_decisions import decided_by
from database.reads.work.queue_filter import conditions
from database.repositories.audit import by_person
from database.tables.people import AuditRow
from database.tables.work import WorkItemRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import NotEligible, OwnWork, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.people.acting import ActingReviewer
from domain.places import business_day
from domain.rules.limits import limits_in_force
from domain.work.eligibility import Ineligible, why_not
from domain.work.kinds import REVIEW, keeps_own_time, kind_of
from domain.work.lease import holder_of
from domain.work.queue_filter import Wanted
from domain.work.task import TaskPhase
from services.people.acting import standing
from services.work.claim import Claim, Taken, claim
from services.work.desk import Desk
from services.work.sla import held
from services.work.task_facts import task_facts

IN_MOTION_TRIES = 3  # A lock on a task is released within one statement.


@dataclass(frozen=True)
class Lease:
    """A task claimed until `until`."""

    task_id: str
    card_id: str | None
    until: datetime


class Leases:
    """Who holds which task. `person` is a person's id; their rights are checked here again."""

    def __init__(self, desk: Desk) -> None:
        self._database = desk.database
        self._now = desk.now
        self._cursors = desk.cursors

    async def take(self, person: str, task_id: str | None, wanted: Wanted | None = None) -> Lease | None:
        """Lease the named task, or the next one for this person of those `wanted`; None when the queue has none for them.

        Claimed tasks come first, then assigned ones, whatever is wanted; a live lease is renewed.
        Refuses TaskHeldByAnother (`holder`, `until`), TaskDecided, OwnWork, NotEligible (`why`), NotFound, NotAllowed.
        """
        now, kind = self._now(), REVIEW if wanted is None else wanted.kind
        narrowed = wanted is not None and wanted.for_next().narrowed
        front = None if task_id is not None or narrowed else self._cursors.of(person, now, kind)
        asked = Claim(
            person, now, now + lease_span(now), task_id, kind,
            tuple(conditions(wanted.for_next(), person, now)) if wanted and narrowed else (), front,
        )  # fmt: skip
        taken = await claim(self._database, asked)
        if taken is None and front is not None:
            taken = await claim(self._database, Claim(person, now, asked.until, kind=kind))
        if taken is None:
            taken = await self._after_all(asked)
        if taken is None:
            return None
        await self._noted(taken.task_id, person, taken.leased_at)
        if task_id is None and not narrowed:
            self._cursors.stopped(person, now, taken, kind)
        return Lease(taken.task_id, taken.card_id, taken.leased_until)

    async def renew(self, person: str, task_id: str) -> Lease | None:
        """Renew the lease: call it with every action of its holder. Returns None when they no longer hold the task."""
        now = self._now()
        statement = (
            update(WorkItemRow.__table__)
            .where(*_held_by(person, task_id, now))
            .values(leased_until=now + lease_span(now))
            .returning(WorkItemRow.id, WorkItemRow.card_id, WorkItemRow.leased_until)
        )
        async with self._database.statement() as connection:
            kept = (await connection.execute(statement)).one_or_none()
        return None if kept is None else Lease(kept.id, kept.card_id, kept.leased_until)

    async def release(self, person: str, task_id: str) -> None:
        """Gives a task back; nothing happens to one that is not in this person's hand."""
        async with self._database.transaction() as session:
            freed = (
                update(WorkItemRow.__table__)
                .where(*_held_by(person, task_id, self._now()))
                .values(NOBODY)
                .returning(WorkItemRow.id)
            )
            if (await session.execute(freed)).scalar_one_or_none() is not None:
                session.add(audited(person, "release", task_id))
        await self._noted(task_id, None, self._now())
        self._cursors.forget()

    def require_held(self, task: WorkItemRow, person: str) -> None:
        """Refuse as `require_held` does, by the desk's clock."""
        require_held(task, person, self._now())

    async def _noted(self, task_id: str, person: str | None, at: datetime) -> None:
        """Keep in an item's own clock who has it; a clock that holds up a card counts by desks alone."""
        if not keeps_own_time(task_id):
            return
        async with self._database.transaction() as session:
            task = await session.get(WorkItemRow, task_id, with_for_update=True)
            if task is not None and holder_of(task, self._now()) == person:
                await held(session, task, person, at)

    async def _after_all(self, asked: Claim) -> Taken | None:
        """A named task that was only locked at that moment, as by the same person's second click; None for the queue.

        Refuses what prevents the claim.
        """
        for _ in range(IN_MOTION_TRIES):
            async with self._database.transaction() as session:
                theirs = await standing(session, asked.person, self._now())
                if asked.task_id is None:
                    kind = kind_of(asked.kind)
                    if not {kind.take, kind.check} & theirs.permissions:
                        raise NotAllowed(permission=kind.take.value)
                    return None
                if (refusal := await self._why_not(session, theirs, asked.task_id)) is not None:
                    raise refusal
            if (taken := await claim(self._database, asked)) is not None:
                return taken
        raise TaskHeldByAnother(holder="", until="")

    async def _why_not(self, session: AsyncSession, theirs: ActingReviewer, task_id: str) -> Refusal | None:
        task = await session.get(WorkItemRow, task_id)
        kind = kind_of(REVIEW if task is None else task.kind)
        if not {kind.take, kind.check} & theirs.permissions:
            return NotAllowed(permission=kind.take.value)
        if task is None:
            return NotFound(task=task_id[:64])
        reasons = why_not(theirs, await task_facts(session, task), self._now())
        if {Ineligible.CLOSED, Ineligible.DECIDED} & set(reasons):
            return TaskDecided(by=await decided_by(session, task_id))
        return refusal_of(reasons, task) if reasons else None


def require_held(task: WorkItemRow, person: str, now: datetime) -> None:
    """Refuse TaskDecided, TaskHeldByAnother or TaskNotHeld unless this person holds the task."""
    if task.closed_at is not None:
        raise TaskDecided(by="")
    holder = holder_of(task, now)
    if holder is None:
        raise TaskNotHeld()
    if holder != person:
        raise held_by_another(task)


def end_lease(task: WorkItemRow) -> None:
    """Take the task from its holder, if it has one."""
    task.leased_by = task.leased_at = task.leased_until = None


def refusal_of(reasons: tuple[Ineligible, ...], task: WorkItemRow) -> Refusal:
    """Return the refusal for a person who cannot have a task for these reasons, at least one."""
    kind = kind_of(task.kind)
    if {Ineligible.OWN_WORK, Ineligible.BARRED} & set(reasons):
        return OwnWork()
    if reasons[0] is Ineligible.HELD:
        return held_by_another(task)
    if Ineligible.NO_PERMISSION in reasons:
        checked = kind.check if task.phase is TaskPhase.CHECK else None
        return NotAllowed(permission=(checked or kind.take).value)
    if reasons == (Ineligible.ESCALATED,):
        return NotAllowed(permission=kind.take_escalated.value)
    return NotEligible(why=[reason.value for reason in reasons])


def lease_span(now: datetime) -> timedelta:
    """How long a lease lasts that nothing renews."""
    return timedelta(seconds=limits_in_force(business_day(now)).review_lease_s)


def held_by_another(task: WorkItemRow) -> TaskHeldByAnother:
    """Make the refusal that says who holds the task and until when."""
    until = task.leased_until.isoformat() if task.leased_until else ""
    return TaskHeldByAnother(holder=task.leased_by or "", until=until)


def audited(person: str, act: str, task_id: str, reason: str = "", **facts: str) -> AuditRow:
    """Record what a person did with a task, in the transaction of that action."""
    return by_person(person, f"console:task:{act}", task_id, reason=reason, facts=facts)


def audited_by_machine(act: str, task_id: str, **facts: str) -> AuditRow:
    """Make the audit row of an act that the system did."""
    return AuditRow(actor="machine", act=f"queue:task:{act}", subject=task_id, facts=facts)


def _held_by(person: str, task_id: str, now: datetime) -> tuple[Any, ...]:
    held = is_held_by(WorkItemRow, person, now)
    return (WorkItemRow.id == task_id, held, WorkItemRow.closed_at.is_(None), WorkItemRow.decided.is_(False))
