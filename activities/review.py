"""A person decides: tasks come into the queue, are held by a lease, decided once, and applied to the card."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.corrections import Corrections, checked_fields
from activities.failures import translated
from activities.placing import placed
from activities.reviewing import Reviewing
from database.repositories import cards
from database.repositories.cards import Change
from database.tables.intake import CardRow, SubmissionRow
from database.tables.pricing import QuoteRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain import identifiers
from domain.cards import Stage, WaitingFor
from domain.facts import ReviewFacts, TaskOpened
from domain.money import Currency
from domain.review import Alarm
from domain.rules.limits import limits_in_force


class Review(Reviewing):
    """The workflow's side of a review; what people call is inherited from `Reviewing`."""

    @activity.defn(name="review.open")
    @translated
    async def open(self, card_id: str, number: int, reasons: list[str]) -> TaskOpened:
        """Puts the card's `number`-th task into the queue; opened once however often it is asked for."""
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            deadlines = limits_in_force(self._now().date()).review_deadlines(card.card_type)
            opened, worth = self._now(), await _worth(session, card)
            submission = await session.get_one(SubmissionRow, card.submission_id)
            row = ReviewTaskRow(
                id=identifiers.review_task(card_id, number), card_id=card_id, card_type=card.card_type,
                brand=card.brand, seller=submission.owner, language=submission.locale, value_minor=worth,
                reasons=list(reasons), opened_at=opened,
                warn_at=opened + timedelta(seconds=deadlines.warn_after_s),
                due_at=opened + timedelta(seconds=deadlines.due_after_s),
            )  # fmt: skip
            placed(row, opened)
            if await _opened_first(session, row):
                facts = {"task": row.id, "reasons": ",".join(reasons)}
                change = Change(Stage.REVIEW, WaitingFor.REVIEWER, row.due_at, "review.opened", facts)
                await cards.record(session, card_id, change)
        return TaskOpened(row.id, deadlines.warn_after_s, deadlines.due_after_s)

    @activity.defn(name="review.alarm")
    @translated
    async def alarm(self, task_id: str, alarm: Alarm) -> None:
        """The task will be late soon, or is late and escalated; a closed task is left alone."""
        async with self._database.transaction() as session:
            task = await session.get_one(ReviewTaskRow, task_id, with_for_update=True)
            if task.closed_at is not None:
                return
            if alarm is Alarm.WARNING:
                task.warned_at = task.warned_at or self._now()
            else:
                task.breached_at, task.escalated = task.breached_at or self._now(), True
            facts = {"task": task_id}
            change = Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, f"review.{alarm.value}", facts)
            await cards.record(session, task.card_id, change)

    @activity.defn(name="review.apply")
    @translated
    async def apply(self, task_id: str, decision_id: str) -> ReviewFacts:
        """Applies a decision to the card and closes the task; the same decision again gives the same facts."""
        async with self._database.transaction() as session:
            task = await session.get_one(ReviewTaskRow, task_id, with_for_update=True)
            decision = await session.get_one(ReviewDecisionRow, decision_id)
            card = await cards.load_for_update(session, task.card_id)
            given = self._corrected(decision)
            if task.closed_at is None:
                await self._close(session, card, task, decision, given)
        return ReviewFacts(decision.outcome, decision.reject_reason, decision.asked_item, not given.is_empty)

    async def _close(
        self,
        session: AsyncSession,
        card: CardRow,
        task: ReviewTaskRow,
        decision: ReviewDecisionRow,
        given: Corrections,
    ) -> None:
        if not given.is_empty:
            checked = checked_fields(card.brand, given)
            await cards.set_fields(session, self._keyring, card, **checked.as_columns())
        decision.applied_at = task.closed_at = self._now()
        task.decision_id = decision.id
        told = {
            "task": task.id,
            "outcome": decision.outcome.value,
            "reason": decision.reject_reason.value if decision.reject_reason else "",
            "item": decision.asked_item.value if decision.asked_item else "",
            "corrected": ",".join(name.value for name in given.written()),
        }
        actor = f"person:{decision.person_id}"
        change = Change(Stage.REVIEW, WaitingFor.MACHINE, None, "review.decided", told, actor=actor)
        await cards.record(session, card.id, change)


async def _opened_first(session: AsyncSession, row: ReviewTaskRow) -> bool:
    columns: Any = ReviewTaskRow
    statement = insert(ReviewTaskRow).values(row.model_dump()).on_conflict_do_nothing(index_elements=["id"])
    return (await session.execute(statement.returning(columns.id))).scalar_one_or_none() is not None


async def _worth(session: AsyncSession, card: CardRow) -> int:
    """The latest quote, else a face value in CNY, else 0; in CNY minor units."""
    columns: Any = QuoteRow
    latest = select(columns.amount_minor).where(columns.card_id == card.id).order_by(columns.created_at.desc()).limit(1)
    quoted = (await session.execute(latest)).scalar_one_or_none()
    face = card.face_value_minor or 0
    return quoted or (face if card.currency is Currency.CNY else 0)
