"""The seller takes a card back: its quote and its review are closed and the card ends, in one transaction or not at all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import is_pending
from database.repositories import cards
from database.repositories.cards import Change
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.work.kinds import REVIEW
from services.work import items, sla

VOID_WHY = "withdrawn"


async def withdraw_card(session: AsyncSession, card: CardRow, now: datetime) -> bool:
    """Ends the card as withdrawn; False when it is sold or has ended otherwise. The caller holds the card's lock."""
    if card.outcome is not None:
        return card.reason is EndReason.WITHDRAWN
    chosen = select(QuoteRow).where(QuoteRow.card_id == card.id).with_for_update()
    quotes = (await session.execute(chosen)).scalars().all()
    if any(quote.state in (QuoteState.ACCEPTED, QuoteState.VOIDED) for quote in quotes):
        return False
    for quote in quotes:
        if quote.state is QuoteState.OPEN:
            quote.state, quote.answered_at = QuoteState.DECLINED, now
    await _close_review(session, card.id, now)
    submission = await session.get_one(SubmissionRow, card.submission_id)
    facts = {"outcome": Outcome.DECLINED.value, "reason": EndReason.WITHDRAWN.value}
    change = Change(
        Stage.ENDED, WaitingFor.NOBODY, None, "journey.withdrawn", facts,
        actor=submission.owner, outcome=Outcome.DECLINED, reason=EndReason.WITHDRAWN,
    )  # fmt: skip
    await cards.record(session, card.id, change)
    await sla.stop(session, card.id, now)
    return True


async def _close_review(session: AsyncSession, card_id: str, now: datetime) -> None:
    """Take the open task out of the queue; an unapplied decision on it becomes void."""
    chosen = (
        select(WorkItemRow)
        .where(WorkItemRow.card_id == card_id, WorkItemRow.kind == REVIEW, WorkItemRow.closed_at.is_(None))
        .with_for_update()
    )
    row = (await session.execute(chosen)).scalar_one_or_none()
    if row is None:
        return
    stands = (
        ReviewDecisionRow.task_id == row.id,
        is_pending(),
    )
    for made in (await session.execute(select(ReviewDecisionRow).where(*stands).with_for_update())).scalars():
        made.void_at, made.void_why = now, VOID_WHY
    await items.closed(session, row, now)
