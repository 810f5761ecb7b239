"""Deadline alarms of a task: warnings, breaches and the chain after them, each sent once; in the end the policy may decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from database.repositories import cards
from database.repositories.cards import Change
from database.repositories.notices import tell
from database.session import Database
from database.tables.deadlines import AlarmRow
from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import DecidedByPolicy, TaskOpened
from domain.cards.review import RejectReason, ReviewOutcome
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Role
from domain.work.deadlines import AtEnd, ChainStep, ClockOwner, Policy
from domain.work.task import Alarm, TaskPhase
from services.notices.recipients import seniors, with_roles
from services.work import sla
from services.work.leases import decision_on, end_lease
from services.work.ordering import placed

AGAIN_S = 900  # Seconds until the policy looks again while a person's decision is pending.
END = "end"  # The alarm's name of the policy's own decision.
_DECISION: Any = ReviewDecisionRow  # Attributes of models are columns in a statement.


class Alarms:
    """The timers' side of a review: each of these is asked for by the card's workflow when a moment has come."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    @activity.defn(name="review.alarm")
    @translated
    async def alarm(self, task_id: str, alarm: Alarm) -> None:
        """Send a warning, or a breach with escalation. Closed tasks are skipped, and no alarm is sent twice."""
        async with self._database.transaction() as session:
            task, now = await _locked(session, task_id), self._now()
            if task.closed_at is not None:
                return
            informed = [] if alarm is Alarm.WARNING else await seniors(session, task.team)
            if not await _sounded(session, task, alarm.value, "" if alarm is Alarm.WARNING else Role.SENIOR.value, now):
                return
            if alarm is Alarm.WARNING:
                task.warned_at = task.warned_at or now
            else:
                await _breach(session, task, now)
            placed(task, now)
            kind = NoticeKind.WARNING if alarm is Alarm.WARNING else NoticeKind.BREACH
            await _tell(session, task, kind, alarm.value, [*informed, *_concerned(task, now)])
            await _record(session, task, f"review.{alarm.value}")

    @activity.defn(name="review.chain")
    @translated
    async def chain(self, task_id: str, step: int) -> None:
        """Notify the `step`-th (from 0) level of the policy's chain about an overdue undecided task, once."""
        async with self._database.transaction() as session:
            task, now = await _locked(session, task_id), self._now()
            chain = (await _policy(session, task)).chain
            if task.closed_at is not None or step >= len(chain):
                return
            name = f"chain:{step}"
            if await _sounded(session, task, name, chain[step].tells, now):
                await _tell(session, task, NoticeKind.CHAIN, name, await _of_step(session, task.team, chain[step]))
                await _record(session, task, "review.reminded")

    @activity.defn(name="review.replan")
    @translated
    async def replan(self, task_id: str) -> TaskOpened:
        """Plan the task's deadline by the policies in force now; sent alarms stay sent. A closed task keeps its plan."""
        async with self._database.transaction() as session:
            task, now = await _locked(session, task_id), self._now()
            newest = await sla.newest_version(session)
            why = "escalated" if task.plan_version == newest and task.escalated else "policy_changed"
            before = task.due_at
            planned = await sla.plan(session, task, now, why)
            if task.closed_at is None:
                placed(task, now)
                if task.due_at != before:
                    await _record(session, task, "review.replanned")
        return sla.as_opened(task.id, planned, now)

    @activity.defn(name="review.decide_by_policy")
    @translated
    async def decide_by_policy(self, task_id: str) -> DecidedByPolicy:
        """Reject the card under its policy; a valid decision of a person takes precedence, even while it awaits second review."""
        async with self._database.transaction() as session:
            task, now = await _locked(session, task_id), self._now()
            standing = await decision_on(session, task_id)
            if standing is not None:
                ours = standing.person_id is None
                return DecidedByPolicy(standing.id) if ours else DecidedByPolicy(None, AGAIN_S)
            if task.closed_at is not None or (await _policy(session, task)).at_end is not AtEnd.REJECT:
                return DecidedByPolicy(None, AGAIN_S)
            decision = _rejection(task, now)
            session.add(decision)
            task.decided = True
            end_lease(task)
            await _sounded(session, task, END, "", now)
        return DecidedByPolicy(decision.id)


async def _breach(session: AsyncSession, task: ReviewTaskRow, now: datetime) -> None:
    """Late: a senior's from now on; whose outcome waits for a check stays a checker's, a senior one."""
    task.breached_at, task.escalated = task.breached_at or now, True
    if task.phase is TaskPhase.REVIEW:
        await sla.pass_to(session, task, ClockOwner.SENIOR, now)


def _rejection(task: ReviewTaskRow, now: datetime) -> ReviewDecisionRow:
    """Nobody's decision: it leaves at once and cannot be undone."""
    return ReviewDecisionRow(
        id=new_id(), task_id=task.id, card_id=task.card_id, person_id=None, outcome=ReviewOutcome.REJECT,
        reason_code=RejectReason.NOT_DECIDED.value, reject_reason=RejectReason.NOT_DECIDED,
        opened_at=task.opened_at, made_at=now, effective_at=now, sent_at=now,
    )  # fmt: skip


async def _locked(session: AsyncSession, task_id: str) -> ReviewTaskRow:
    return await session.get_one(ReviewTaskRow, task_id, with_for_update=True)


async def _policy(session: AsyncSession, task: ReviewTaskRow) -> Policy:
    """The policy that the task's clock was planned with."""
    return (await sla.policies_of(session, task.plan_version)).policy_for(sla.terms_of(task))


async def _sounded(session: AsyncSession, task: ReviewTaskRow, alarm: str, told: str, now: datetime) -> bool:
    """Write the alarm; return False when it was sent before."""
    values = AlarmRow(task_id=task.id, alarm=alarm, told=told, at=now).model_dump()
    columns: Any = AlarmRow
    statement = insert(AlarmRow).values(values).on_conflict_do_nothing().returning(columns.alarm)
    return (await session.execute(statement)).scalar_one_or_none() is not None


def _concerned(task: ReviewTaskRow, now: datetime) -> list[str]:
    """Return the holder of the task and its assignee."""
    holds = task.leased_until is not None and task.leased_until > now
    return [one for one in (task.leased_by if holds else None, task.assigned_to) if one is not None]


async def _of_step(session: AsyncSession, team: str, step: ChainStep) -> list[str]:
    """The people of a step: one person, the team's own of the review roles, everybody of the others."""
    if step.role is None:
        return [step.person] if await session.get(PersonRow, step.person) is not None else []
    wanted = step.role
    of_team = wanted in (Role.REVIEWER, Role.SENIOR)
    return await with_roles(session, team if of_team else None, lambda roles: wanted in roles)


async def _tell(session: AsyncSession, task: ReviewTaskRow, kind: NoticeKind, alarm: str, people: list[str]) -> None:
    facts = {"due_at": task.due_at.isoformat(), "card": task.card_id[-6:]}
    await tell(session, people, kind, f"{alarm}:{task.id}", card_id=task.card_id, task_id=task.id, **facts)


async def _record(session: AsyncSession, task: ReviewTaskRow, what: str) -> None:
    change = Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, what, {"task": task.id})
    await cards.record(session, task.card_id, change)
