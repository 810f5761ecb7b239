"""A decided card is reviewed again for a customer: blind, once, with new evidence; a changed decision opens the card again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.tables.cards import CardRow
from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.work import WorkItemRow
from domain.cards.review import APPROVALS, ReviewOutcome
from domain.errors.general import FieldInvalid
from domain.errors.support import NotReviewable
from domain.identifiers import new_id
from domain.places import business_day
from domain.support.escalations import AppealResult, NotAppealable
from domain.work.kinds import REVIEW
from services.people.acting import standing
from services.review.informed_people import who_know
from services.review.reopening import Overturned, reopened

APPEAL_ONCE = "ticket_escalation_appeal_once"
FINAL = APPROVALS | {ReviewOutcome.REJECT}


async def opened(session: AsyncSession, row: TicketEscalationRow, now: datetime) -> BlindReviewRow:
    """Put the card of a question before a reviewer who knows nothing of its first decision; return the review.

    Refuse FieldInvalid (`card`) without a card, NotFound, and NotReviewable (`why`).
    """
    if row.card_id is None:
        raise FieldInvalid(field="card", why="missing")
    card = await cards.load_for_update(session, row.card_id)
    decision = await _decided(session, card)
    row.decision_id = decision.id
    session.add(row)
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        if APPEAL_ONCE in str(error.orig):
            raise NotReviewable(why=NotAppealable.APPEALED.value) from None
        raise
    knowing = {*await who_know(session, card.id, now), *await _looked_again(session, card.id)}
    knowing |= (await standing(session, row.asked_by, now)).hands
    review = BlindReviewRow(
        id=new_id(), decision_id=decision.id, escalation_id=row.id, card_id=card.id, brand=card.brand,
        first_person=decision.person_id or "", first_circle=sorted(knowing), first_outcome=decision.outcome,
        drawn_on=business_day(now), drawn_at=now,
    )  # fmt: skip
    session.add(review)
    await session.flush()
    return review


async def team_of(session: AsyncSession, review: BlindReviewRow) -> str:
    """Return the team whose reviewer made the first decision: its seniors hear when the review is late."""
    decision = await session.get_one(ReviewDecisionRow, review.decision_id)
    return (await session.get_one(WorkItemRow, decision.task_id)).team


async def result_of(session: AsyncSession, row: TicketEscalationRow, review: BlindReviewRow) -> AppealResult:
    """Return what a settled review made of the first decision, and open the card again where it changed and the card can be."""
    final = review.final_outcome
    if final is None or (final in APPROVALS) is (review.first_outcome in APPROVALS):
        return AppealResult.KEPT
    changed = final in APPROVALS and await reopened(
        session,
        Overturned(
            card_id=review.card_id, decision_id=review.decision_id, escalation_id=row.id, outcome=final,
            by=review.second_person or "", circle=frozenset(review.second_circle), agreed_by=review.senior_person or "",
            note=review.second_note,
        ),
        review.settled_at or row.asked_at,
    )  # fmt: skip
    return AppealResult.CHANGED if changed else AppealResult.DIFFERS


async def _decided(session: AsyncSession, card: CardRow) -> ReviewDecisionRow:
    """The newest decision that was applied to the card. Refuse NotReviewable where a reviewer has it, or none decided it."""
    waits = select(WorkItemRow.id).where(
        WorkItemRow.card_id == card.id, WorkItemRow.kind == REVIEW, WorkItemRow.closed_at.is_(None)
    )
    if (await session.execute(waits)).first() is not None:
        raise NotReviewable(why=NotAppealable.IN_REVIEW.value)
    applied = (
        select(ReviewDecisionRow)
        .where(
            ReviewDecisionRow.card_id == card.id,
            ReviewDecisionRow.applied_at.is_not(None),
            ReviewDecisionRow.void_at.is_(None),
        )
        .order_by(ReviewDecisionRow.applied_at.desc(), ReviewDecisionRow.id.desc())
        .limit(1)
    )
    decision = (await session.execute(applied)).scalar_one_or_none()
    if decision is None or decision.outcome not in FINAL:
        raise NotReviewable(why=NotAppealable.NOT_DECIDED.value)
    return decision


async def _looked_again(session: AsyncSession, card_id: str) -> set[str]:
    """Return all reviewers of earlier blind reviews of the card."""
    rows = await session.execute(select(BlindReviewRow).where(BlindReviewRow.card_id == card_id))
    return {
        one
        for row in rows.scalars()
        for one in (*row.second_circle, row.second_person, row.senior_person)
        if one is not None
    }
