"""A rejected card is open again after two people, blind to the first decision, decided otherwise; the first decision stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.cards import LIVE_ONCE, Change
from database.tables.cards import CardRow, QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.review import ReviewCheckRow, ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id, review_task
from domain.review.four_eyes import CheckNeed
from domain.work.kinds import REVIEW
from domain.work.task import CheckVerdict


@dataclass(frozen=True)
class Overturned:
    """What became of a first decision: `by` decided otherwise without knowing it, `agreed_by` settled the difference."""

    card_id: str
    decision_id: str  # The first one.
    escalation_id: str
    outcome: ReviewOutcome  # An approval.
    by: str
    circle: frozenset[str]  # `by` with everyone who counts as one with them.
    agreed_by: str
    note: str


async def reopened(session: AsyncSession, changed: Overturned, at: datetime) -> bool:
    """Open the card again; tell whether it could be. Its journey continues from its rows, at verification, with a new quote.

    A card that did not end by that rejection, or that was submitted again meanwhile, stays as it is. What was
    approved unchanged counts as a decision with its second person; anything else lets a person look before an offer.
    """
    card = await cards.load_for_update(session, changed.card_id)
    if not await _may_go_on(session, card) or not await _open_again(session, card, at):
        return False
    task_id = ""
    if changed.outcome is ReviewOutcome.APPROVE:
        task_id = await _decide(session, card, changed, at)
    earlier = (QuoteRow.card_id == card.id, QuoteRow.state == QuoteState.OPEN)
    await session.execute(update(QuoteRow).where(*earlier).values(state=QuoteState.REPLACED))
    facts = {"first": changed.decision_id, "escalation": changed.escalation_id, "task": task_id}
    change = Change(
        Stage.REVIEW, WaitingFor.MACHINE, None, "review.appealed", facts, actor=f"person:{changed.agreed_by}"
    )
    await cards.record(session, card.id, change)
    return True


async def _may_go_on(session: AsyncSession, card: CardRow) -> bool:
    ordered = (await session.execute(select(exists().where(PayoutRow.card_id == card.id)))).scalar_one()
    return (card.outcome, card.reason) == (Outcome.REJECTED, EndReason.REVIEWER) and not ordered


async def _open_again(session: AsyncSession, card: CardRow, at: datetime) -> bool:
    """Whether no other live card has taken its place."""
    values = {
        "outcome": None, "reason": None, "reason_detail": None, "live": True, "holds_number": False, "started_at": None,
        "reopened_at": at,
    }  # fmt: skip
    statement = update(CardRow).where(CardRow.id == card.id).values(values)
    try:
        async with session.begin_nested():
            await session.execute(statement.execution_options(synchronize_session=False))
    except IntegrityError as error:
        if LIVE_ONCE in str(error.orig):
            return False
        raise
    return True


async def _decide(session: AsyncSession, card: CardRow, changed: Overturned, at: datetime) -> str:
    """Write the approval with its second person down as the card's next task, closed; return the task's id."""
    first = await session.get_one(ReviewDecisionRow, changed.decision_id)
    asked = await session.get_one(WorkItemRow, first.task_id)
    counted = select(func.count()).select_from(WorkItemRow)
    number = (
        await session.execute(counted.where(WorkItemRow.card_id == card.id, WorkItemRow.kind == REVIEW))
    ).scalar_one()
    task_id, decision_id = review_task(card.id, number + 1), new_id()
    session.add(
        ReviewDecisionRow(
            id=decision_id, task_id=task_id, card_id=card.id, person_id=changed.by,
            acting_for=sorted(changed.circle - {changed.by}), outcome=changed.outcome, note=changed.note,
            needs_check=CheckNeed.APPEAL.value, made_at=at, effective_at=at, sent_at=at, applied_at=at,
        )
    )  # fmt: skip
    await session.flush()
    session.add(
        WorkItemRow(
            id=task_id, card_id=card.id, card_type=asked.card_type, brand=asked.brand, language=asked.language,
            seller=asked.seller, team=asked.team, value_minor=asked.value_minor, reasons=list(asked.reasons), opened_at=at,
            order_at=at, warn_at=at, due_at=at, linked=list(asked.linked), barred=list(asked.barred), closed_at=at,
            decision_id=decision_id,
        )
    )  # fmt: skip
    session.add(
        ReviewCheckRow(
            id=new_id(), decision_id=decision_id, task_id=task_id, person_id=changed.agreed_by,
            verdict=CheckVerdict.APPLY, at=at,
        )
    )  # fmt: skip
    await session.flush()
    return task_id
