"""Decisions that could not be applied: kept with the reason, reported to the seniors, and reopened by one of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import is_pending
from database.repositories import cards
from database.repositories.cards import Change
from database.repositories.notices import tell
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission
from domain.work.deadlines import ClockOwner
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack
from services.notices.recipients import seniors
from services.people.permissions import require
from services.review.decision_form import as_form
from services.review.four_eyes import free
from services.work import drafts, items, sla
from services.work.desk import Desk
from services.work.leases import audited
from services.work.ordering import sent_back
from services.work.reason_codes import require_reason

VOID_WHY = "undelivered"


class Undeliverable:
    """What a senior does about decisions that could not be applied."""

    def __init__(self, desk: Desk) -> None:
        self._database = desk.database
        self._keyring = desk.keyring
        self._now = desk.now
        self._cursors = desk.cursors

    async def reopen(self, person: str, decision_id: str, reason_code: str) -> str:
        """Void the decision and reopen its task, with what was entered as its maker's draft; returns the card's id.

        A withdrawn decision is never applied, however late the card is notified. Where the card has ended
        meanwhile there is nothing to decide, and the task is closed. Refuses NotAllowed to who is no senior,
        ReasonUnknown, and NotFound for a decision that was not refused, or was applied or reopened in the meantime.
        """
        now = self._now()
        async with self._database.transaction() as session:
            await require(session, person, Permission.DECIDE_ESCALATED)
            await require_reason(session, ReasonedAct.REOPEN, reason_code)
            task, decision = await _refused(session, decision_id)
            decision.void_at, decision.void_why = now, VOID_WHY
            if (await cards.load(session, task.card)).outcome is None:
                await self._open_again(session, task, decision, reason_code, now)
            else:
                await items.closed(session, task, now)
                await sla.stop(session, task.card, now)
            why = str(decision.undelivered_why.get("code", ""))
            session.add(audited(person, "reopen", task.id, reason_code, decision=decision.id, refused=why))
            await session.flush()
            facts = {"task": task.id, "reason": reason_code}
            actor = f"person:{person}"
            change = Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, "review.reopened", facts, actor=actor)
            await cards.record(session, task.card, change)
        self._cursors.forget()
        return task.card

    async def _open_again(
        self, session: AsyncSession, task: WorkItemRow, decision: ReviewDecisionRow, reason_code: str, now: datetime
    ) -> None:
        task.decided = False
        free(task)
        if decision.person_id is not None:
            await drafts.save(session, self._keyring, task.id, decision.person_id, as_form(decision, self._keyring))
        sent_back(task, CameBack.UNDELIVERED, reason_code, now)
        owner = ClockOwner.SENIOR if task.escalated else ClockOwner.REVIEWER
        await sla.pass_to(session, task, owner, now)


async def not_taken(session: AsyncSession, decision_id: str, why: Refusal, now: datetime) -> bool:
    """Keeps why a card would not take this decision, and tells the team's seniors; tells whether it was news.

    Nothing happens to one that was applied after all, or has fallen: a card that has moved on refuses what it has heard.
    """
    data = {name: value if isinstance(value, int) else str(value) for name, value in why.data.items()}
    kept = (
        update(ReviewDecisionRow)
        .where(
            ReviewDecisionRow.id == decision_id, is_pending(), ReviewDecisionRow.undelivered_at.is_(None)
        )
        .values(undelivered_at=now, undelivered_why={"code": why.code, "data": data})
        .returning(ReviewDecisionRow.task_id)
    )  # fmt: skip
    task_id = (await session.execute(kept.execution_options(synchronize_session=False))).scalar_one_or_none()
    if task_id is None:
        return False
    task = await session.get_one(WorkItemRow, task_id)
    recipients = await seniors(session, task.team)
    key = f"{NoticeKind.UNDELIVERED}:{decision_id}"
    await tell(session, recipients, NoticeKind.UNDELIVERED, key, card_id=task.card, task_id=task.id)
    return True


async def _refused(session: AsyncSession, decision_id: str) -> tuple[WorkItemRow, ReviewDecisionRow]:
    """Return task and decision, the task locked as for applying a decision. Refuses NotFound."""
    known = await session.get(ReviewDecisionRow, decision_id[:64])
    if known is None:
        raise NotFound(decision=decision_id[:64])
    task = await session.get_one(WorkItemRow, known.task_id, with_for_update=True)
    decision = await session.get_one(ReviewDecisionRow, known.id, populate_existing=True)
    over = task.closed_at is not None or decision.applied_at is not None or decision.void_at is not None
    if over or decision.undelivered_at is None:
        raise NotFound(decision=decision_id[:64])
    return task, decision
