"""Further actions on work items: take over, snooze, reopen, escalate and assign."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import decided_by
from database.repositories.notices import tell
from database.session import DatabaseUnavailable
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import TaskDecided
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission
from domain.work.deadlines import ClockOwner
from domain.work.kinds import REVIEW, kind_of
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack
from services.people.permissions import require
from services.work.assignment import Assignment, given, require_able
from services.work.desk import Desk
from services.work.leases import (
    Lease,
    Leases,
    audited,
    end_lease,
    held_by_another,
    lease_span,
    require_held,
)
from services.work.ordering import placed, sent_back
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_secret_about
from services.work.sla import held, pass_to
from services.work.story import record, record_own

SNOOZE_MAX = timedelta(days=30)
NOTE_LENGTH_MAX = 2000
FREED_MAX = 10  # The loop beside the workers gives out the rest.


class TaskActs:
    """Every act on a waiting task. All are audited with their reason; those that concern the card are in its history."""

    def __init__(self, desk: Desk, leases: Leases) -> None:
        self._database = desk.database
        self._keyring = desk.keyring
        self._now = desk.now
        self._cursors = desk.cursors
        self._leases = leases

    async def release(self, person: str, task_id: str) -> None:
        """Release a task and assign its holder another one; nothing happens to a task that this person does not hold."""
        await self._leases.release(person, task_id)
        try:
            await self.freed()
        except DatabaseUnavailable:
            return  # The task is released all the same, and the assignment job uses the free capacity.

    async def freed(self) -> int:
        """Assign what can be assigned at once, since a person has free capacity again; returns how much. Optional, only quicker."""
        return await Assignment(self._database, self._now).drain(FREED_MAX)

    async def take_over(self, person: str, task_id: str, reason_code: str, note: str = "") -> Lease:
        """Take over a task from its holder or assignee; they are notified.

        Refuses NotAllowed without TAKE_OVER, ReasonUnknown, NotFound, TaskDecided, OwnWork, NotEligible (`why`).
        """
        now = self._now()
        async with self._database.transaction() as session:
            task = await self._reasoned(
                session, person, Permission.TAKE_OVER, task_id, ReasonedAct.TAKE_OVER, reason_code
            )
            await require_able(session, person, task, now)
            former = {one for one in (holder_of(task, now), task.assigned_to) if one is not None and one != person}
            end_lease(task)
            task.assigned_to = task.assigned_at = None
            if task.snoozed_until is not None and task.snoozed_until > now:
                _woken(task, now)
            task.leased_by, task.leased_at, task.leased_until = person, now, now + lease_span(now)
            placed(task, now)
            if kind_of(task.kind).keeps_own_time:
                await held(session, task, person, now)
            await _tell(session, former, NoticeKind.TAKEN_OVER, task, now, by=person, reason=reason_code)
            facts = {"reason": reason_code, "former": ",".join(sorted(former))}
            await self._record(session, person, "taken_over", task, facts, _note(note))
        return Lease(task.id, task.card_id, now + lease_span(now))

    async def snooze(self, person: str, task_id: str, until: datetime, reason_code: str, note: str = "") -> None:
        """Snooze a task until a moment; it returns automatically, with its reason. Its deadline keeps running.

        For its holder, or for any reviewer while it is unclaimed. Refuses FieldInvalid (`until`), ReasonUnknown,
        NotAllowed, NotFound, TaskDecided, TaskHeldByAnother.
        """
        now = self._now()
        if not now < until <= now + SNOOZE_MAX:
            raise FieldInvalid(field="until", why="past" if until <= now else "too_far")
        async with self._database.transaction() as session:
            task = await self._reasoned(session, person, None, task_id, ReasonedAct.SNOOZE, reason_code)
            if holder_of(task, now) not in (None, person):
                raise held_by_another(task)
            end_lease(task)
            task.snoozed_until, task.snooze_reason, task.snoozed_by = until, reason_code, person
            sent_back(task, CameBack.SNOOZE_OVER, reason_code, until)
            facts = {"reason": reason_code, "until": until.isoformat()}
            await self._record(session, person, "snoozed", task, facts, _note(note))

    async def wake(self, person: str, task_id: str) -> None:
        """End a snooze early; nothing happens to a task that is not snoozed. Refuses NotAllowed, NotFound, TaskDecided."""
        now = self._now()
        async with self._database.transaction() as session:
            task = await waiting(session, task_id, person)
            if task.snoozed_until is None or task.snoozed_until <= now:
                return
            _woken(task, now)
            await self._record(session, person, "woken", task, {}, "")
        self._cursors.forget()

    async def escalate(self, person: str, task_id: str, reason_code: str, note: str = "") -> None:
        """Its holder hands a task to the seniors; it leaves their hand. Refuses ReasonUnknown and what `require_held` refuses."""
        now = self._now()
        async with self._database.transaction() as session:
            task = await self._reasoned(session, person, None, task_id, ReasonedAct.ESCALATE, reason_code)
            require_held(task, person, now)
            raise_to_seniors(task, reason_code, now)
            if kind_of(task.kind).holds_card:
                await pass_to(session, task, ClockOwner.SENIOR, now)
            await self._record(session, person, "escalated", task, {"reason": reason_code}, _note(note))
        self._cursors.forget()

    async def assign(self, person: str, task_id: str, to: str) -> None:
        """Assign a task to a person; they are notified.

        Refuses NotAllowed without ASSIGN, NotFound, TaskDecided, TaskHeldByAnother, and what keeps `to` from the task:
        OwnWork, NotEligible (`why`), NotSignedIn when they no longer work here.
        """
        now = self._now()
        async with self._database.transaction() as session:
            await require(session, person, Permission.ASSIGN)
            task = await waiting(session, task_id)
            if holder_of(task, now) not in (None, to):
                raise held_by_another(task)
            await require_able(session, to, task, now)
            await given(session, task, to, now)
            session.add(audited(person, "assign", task_id, to=to))
            await record_own(session, task, "assigned", {"to": to}, actor=f"person:{person}")

    async def unassign(self, person: str, task_id: str) -> None:
        """Return an assigned task to the queue: one's own, or a colleague's with ASSIGN. Refuses NotAllowed, NotFound, TaskDecided."""
        async with self._database.transaction() as session:
            task = await waiting(session, task_id)
            own = task.assigned_to == person
            await require(session, person, kind_of(task.kind).take if own else Permission.ASSIGN)
            former, task.assigned_to, task.assigned_at = task.assigned_to, None, None
            session.add(audited(person, "unassign", task_id, former=former or ""))
        self._cursors.forget()

    async def _reasoned(
        self,
        session: AsyncSession,
        person: str,
        permission: Permission | None,
        task_id: str,
        act: ReasonedAct,
        code: str,
    ) -> WorkItemRow:
        """The waiting item, locked, after permission (None: to take its kind) and reason were found good."""
        if permission is not None:
            await require(session, person, permission)
        else:
            await require_taker(session, person, task_id)
        await require_reason(session, act, code)
        return await waiting(session, task_id)

    async def _record(
        self, session: AsyncSession, person: str, act: str, task: WorkItemRow, facts: dict[str, str], note: str
    ) -> None:
        """In the audit record with the note, in the card's story without it. Refuses SecretInWords."""
        await require_no_secret_about(session, self._keyring, task.card_id, note)
        reason = facts.get("reason", "")
        rest = {name: value for name, value in facts.items() if name != "reason"}
        session.add(audited(person, act, task.id, reason, **rest, **({"note": note} if note else {})))
        await session.flush()
        await record(session, task, act, facts, actor=f"person:{person}")


def raise_to_seniors(task: WorkItemRow, reason_code: str, now: datetime) -> None:
    """Put a locked task before all others, for the people who take escalated ones; it leaves its holder."""
    end_lease(task)
    task.assigned_to = task.assigned_at = None
    task.escalated, task.escalation_reason, task.replan = True, reason_code, True
    placed(task, now)


async def require_taker(session: AsyncSession, person: str, task_id: str) -> None:
    """Refuse NotAllowed to people who may not take items of this kind; an unknown item is treated as a review."""
    task = await session.get(WorkItemRow, task_id)
    await require(session, person, kind_of(REVIEW if task is None else task.kind).take)


async def waiting(session: AsyncSession, task_id: str, taker: str | None = None) -> WorkItemRow:
    """Return the item, locked, while it waits for a person. Refuses NotFound, TaskDecided, and NotAllowed to a `taker` (id) of other kinds."""
    if taker is not None:
        await require_taker(session, taker, task_id)
    task = await session.get(WorkItemRow, task_id, with_for_update=True, populate_existing=True)
    if task is None:
        raise NotFound(task=task_id[:64])
    if task.closed_at is not None or task.decided:
        raise TaskDecided(by=await decided_by(session, task_id))
    return task


def _woken(task: WorkItemRow, now: datetime) -> None:
    task.snoozed_until = task.snoozed_by = None
    sent_back(task, CameBack.SNOOZE_OVER, task.snooze_reason, now)


def _note(words: str) -> str:
    if len(words) > NOTE_LENGTH_MAX:
        raise FieldInvalid(field="note", why="too_long")
    return words.strip()


async def _tell(
    session: AsyncSession, people: set[str], kind: NoticeKind, task: WorkItemRow, now: datetime, **facts: str
) -> None:
    await tell(
        session, people, kind, f"{kind}:{task.id}:{now.isoformat()}", card_id=task.card_id, task_id=task.id, **facts
    )
