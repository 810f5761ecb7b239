"""A person decides: tasks come into the queue, are held by a lease, decided once, and applied to the card."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain import identifiers
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import ReviewFacts, TaskOpened
from domain.cards.review import ReviewOutcome
from domain.errors.cards import NotExpectedNow
from domain.errors.general import NotFound
from domain.money import Currency
from domain.sealing import KeyRing
from domain.work.deadlines import ClockOwner
from domain.work.task import CameBack
from services.cards.corrections import Corrections, checked_fields, corrections_in, differing_fields
from services.people.kinship import people_linked
from services.quality.blind_review import draw
from services.quality.reading_labels import keep_labels
from services.review.four_eyes import require_checked
from services.work import items, sla

HAS_IT_NEXT = {ReviewOutcome.ASK_AGAIN: ClockOwner.SELLER, ReviewOutcome.HAND_TO_STORE: ClockOwner.OUTLET}
COMES_BACK_AS = {
    ReviewOutcome.ASK_AGAIN: CameBack.ITEM_SENT,
    ReviewOutcome.HAND_TO_STORE: CameBack.STORE_ANSWERED,
}


class Review:
    """The workflow's side of a review: its task is opened, and a decision applied."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    @activity.defn(name="review.open")
    @translated
    async def open(self, card_id: str, number: int, reasons: list[str]) -> TaskOpened:
        """Puts the card's `number`-th task into the queue; opened once however often it is asked for."""
        async with self._database.transaction() as session:
            card, now = await cards.load_for_update(session, card_id), self._now()
            task_id = identifiers.review_task(card_id, number)
            known = await session.get(WorkItemRow, task_id)
            if known is not None:
                return sla.as_opened(task_id, await sla.planned(session, known, now), now)
            if card.outcome is not None:  # Withdrawn meanwhile: its workflow waits for no person any more.
                raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)
            task = await _new_task(session, card, task_id, reasons, now)
            task.linked = sorted(await people_linked(session, self._keyring, card_id))
            task.came_back = await _came_back(session, card_id, number)
            task.came_back_at = now if task.came_back else None
            opened = sla.as_opened(task_id, await items.opened(session, task, ClockOwner.REVIEWER, now), now)
            facts = {"task": task_id, "reasons": ",".join(reasons)}
            change = Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, "review.opened", facts)
            await cards.record(session, card_id, change)
        return opened

    @activity.defn(name="review.apply")
    @translated
    async def apply(self, task_id: str, decision_id: str) -> ReviewFacts:
        """Applies a decision to the card and closes the task; the same decision again gives the same facts."""
        async with self._database.transaction() as session:
            task = await session.get_one(WorkItemRow, task_id, with_for_update=True)
            decision = await session.get_one(ReviewDecisionRow, decision_id, populate_existing=True)
            if decision.void_at is not None:  # Delivered late: it was voided, and another decision may exist.
                raise NotFound(decision=decision_id)
            card = await cards.load_for_update(session, task.card)
            given = corrections_in(decision, self._keyring)
            if task.closed_at is None:
                await require_checked(session, decision)
                await self._close(session, card, task, decision, given)
        return ReviewFacts(decision.outcome, decision.reject_reason, decision.asked_item, not given.is_empty)

    async def _close(
        self,
        session: AsyncSession,
        card: CardRow,
        task: WorkItemRow,
        decision: ReviewDecisionRow,
        given: Corrections,
    ) -> None:
        if not given.is_empty:
            checked = checked_fields(card.brand, given)
            await cards.set_fields(session, self._keyring, card, **checked.as_columns())
        decision.applied_at = now = self._now()
        task.decision_id = decision.id
        await items.closed(session, task, now)  # Its drafts, too: some were typed while the deadline's policy decided.
        summary = {
            "task": task.id,
            "outcome": decision.outcome.value,
            "reason": decision.reject_reason.value if decision.reject_reason else "",
            "item": decision.asked_item.value if decision.asked_item else "",
            "corrected": ",".join(name.value for name in given.written()),
        }
        if differing := await differing_fields(session, self._keyring, card, given):
            summary["against_reading"] = ",".join(name.value for name in differing)  # Confirmed by who decided.
        await keep_labels(session, self._keyring, card, decision, now)
        await draw(session, self._keyring, task, decision, now)
        await _pass_on(session, task, decision.outcome, now)
        by_policy = decision.person_id is None
        actor, what = (
            ("machine", "review.not_decided") if by_policy else (f"person:{decision.person_id}", "review.decided")
        )
        await cards.record(session, card.id, Change(Stage.REVIEW, WaitingFor.MACHINE, None, what, summary, actor=actor))


async def _new_task(
    session: AsyncSession, card: CardRow, task_id: str, reasons: list[str], now: datetime
) -> WorkItemRow:
    submission = await session.get_one(SubmissionRow, card.submission_id)
    return WorkItemRow(
        id=task_id, card_id=card.id, card_type=card.card_type, brand=card.brand, seller=submission.owner,
        language=submission.locale, value_minor=await _worth(session, card), reasons=list(reasons), opened_at=now,
        warn_at=now, due_at=now,
    )  # fmt: skip


async def _came_back(session: AsyncSession, card_id: str, number: int) -> CameBack | None:
    """Return why the card is in the queue again after the previous decision had sent it to another party."""
    before = await session.get(WorkItemRow, identifiers.review_task(card_id, number - 1))
    if before is None or before.decision_id is None:
        return None
    decision = await session.get_one(ReviewDecisionRow, before.decision_id)
    return COMES_BACK_AS.get(decision.outcome)


async def _pass_on(session: AsyncSession, task: WorkItemRow, outcome: ReviewOutcome, now: datetime) -> None:
    """Pause the clock, or end it with the card: another party has it."""
    if outcome is ReviewOutcome.REJECT:
        await sla.stop(session, task.card, now)
    else:
        await sla.pass_to(session, task, HAS_IT_NEXT.get(outcome, ClockOwner.MACHINE), now)


async def _worth(session: AsyncSession, card: CardRow) -> int:
    """The latest quote, else a face value in CNY, else 0; in CNY minor units."""
    latest = (
        select(QuoteRow.amount_minor).where(QuoteRow.card_id == card.id).order_by(QuoteRow.created_at.desc()).limit(1)
    )
    quoted = (await session.execute(latest)).scalar_one_or_none()
    face = card.face_value_minor or 0
    return quoted or (face if card.currency is Currency.CNY else 0)
