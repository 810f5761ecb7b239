"""Deadline alarms of a task: warnings, breaches and the chain after them, each sent once; in the end the policy may decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.failures import translated
from database.reads.review.valid_decisions import decision_on
from database.session import Database
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.facts import DecidedByPolicy, TaskOpened
from domain.cards.review import RejectReason, ReviewOutcome
from domain.identifiers import new_id
from domain.work.deadlines import AtEnd
from domain.work.task import Alarm
from services.work import alarms, sla
from services.work.leases import end_lease

AGAIN_S = 900  # Seconds until the policy looks again while a person's decision is pending.


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
            await alarms.sound(session, await alarms.locked(session, task_id), alarm, self._now())

    @activity.defn(name="review.chain")
    @translated
    async def chain(self, task_id: str, step: int) -> None:
        """Notify the `step`-th (from 0) level of the policy's chain about an overdue undecided task, once."""
        async with self._database.transaction() as session:
            await alarms.sound_chain(session, await alarms.locked(session, task_id), step, self._now())

    @activity.defn(name="review.replan")
    @translated
    async def replan(self, task_id: str) -> TaskOpened:
        """Plan the task's deadline by the policies in force now; sent alarms stay sent. A closed task keeps its plan."""
        async with self._database.transaction() as session:
            now = self._now()
            planned = await alarms.replan(session, await alarms.locked(session, task_id), now)
        return sla.as_opened(task_id, planned, now)

    @activity.defn(name="review.decide_by_policy")
    @translated
    async def decide_by_policy(self, task_id: str) -> DecidedByPolicy:
        """Reject the card under its policy; a valid decision of a person takes precedence, even while it awaits second review."""
        async with self._database.transaction() as session:
            task, now = await alarms.locked(session, task_id), self._now()
            standing = await decision_on(session, task_id)
            if standing is not None:
                ours = standing.person_id is None
                return DecidedByPolicy(standing.id) if ours else DecidedByPolicy(None, AGAIN_S)
            policy = await alarms.policy_of(session, task)
            if task.closed_at is not None or policy.at_end is not AtEnd.REJECT:
                return DecidedByPolicy(None, AGAIN_S)
            decision = _rejection(task, now)
            session.add(decision)
            task.decided = True
            end_lease(task)
            await alarms.sounded(session, task, alarms.END, "", now)
        return DecidedByPolicy(decision.id)


def _rejection(task: WorkItemRow, now: datetime) -> ReviewDecisionRow:
    """Record a decision of the policy: it is sent immediately and cannot be undone."""
    return ReviewDecisionRow(
        id=new_id(), task_id=task.id, card_id=task.card, person_id=None, outcome=ReviewOutcome.REJECT,
        reason_code=RejectReason.NOT_DECIDED.value, reject_reason=RejectReason.NOT_DECIDED,
        opened_at=task.opened_at, made_at=now, effective_at=now, sent_at=now,
    )  # fmt: skip
