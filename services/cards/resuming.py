"""Find where a journey continues that is restarted from its rows: after a restore, or when its workflow was lost or ended."""

from __future__ import annotations

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage
from domain.cards.facts import Resume
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome, ReviewReason
from domain.identifiers import payout_key
from domain.work.kinds import REVIEW
from services.cards.payable import approved_reasons, code_proved

BEFORE_READ = frozenset({Stage.INTAKE, Stage.READING})
ACCEPTED_ONCE = frozenset(
    {QuoteState.ACCEPTED, QuoteState.VOIDED}
)  # What is voided ends at the question before payment.
ENDED_BY_QUOTE = {
    QuoteState.DECLINED: (Outcome.DECLINED, EndReason.DECLINED),
    QuoteState.LAPSED: (Outcome.LAPSED, EndReason.QUOTE_EXPIRED),
}


async def resume_of(session: AsyncSession, card: CardRow) -> Resume:
    """Return what the rows say the card has been through. What it waits for now is asked for again, and nothing is paid twice."""
    quotes = await _quotes(session, card.id)
    tasks, newest = await _tasks(session, card.id)
    decision = newest if newest is not None and _counts_since(newest, card) else None
    approved = await approved_reasons(session, card.id)
    quote = _standing(quotes[-1] if quotes else None, card, approved)
    ended = _ended(quotes[-1] if quotes else None, decision)
    asked = decision.asked_item if decision is not None and decision.outcome is ReviewOutcome.ASK_AGAIN else None
    return Resume(
        read=card.stage not in BEFORE_READ,
        code_proved=card.fields_revision if await code_proved(session, card) else None,
        quotes=len(quotes) - (1 if quotes and _still_counts(quotes[-1], card) else 0),
        tasks=tasks,
        settled=tuple(sorted(approved)),
        asked_item=asked if quote is None and card.stage is Stage.REVIEW else None,
        quote_id=None if quote is None else quote.id,
        accepted=quote is not None and quote.state in ACCEPTED_ONCE,
        attempt=await _attempt(session, card.id),
        outcome=ended[0] if ended else None,
        reason=ended[1] if ended else None,
        detail=ended[2] if ended else None,
        person_wanted=decision is not newest or await _person_wanted(session, card.id),
    )


async def _quotes(session: AsyncSession, card_id: str) -> list[QuoteRow]:
    found = await session.execute(select(QuoteRow).where(QuoteRow.card_id == card_id))
    return sorted(found.scalars(), key=lambda one: int(one.id.rpartition(":")[2]))


async def _tasks(session: AsyncSession, card_id: str) -> tuple[int, ReviewDecisionRow | None]:
    """How many tasks are over, and the decision that the newest of them was closed by."""
    rows = (
        (await session.execute(select(WorkItemRow).where(WorkItemRow.card_id == card_id, WorkItemRow.kind == REVIEW)))
        .scalars()
        .all()
    )
    over = sorted((row for row in rows if row.closed_at is not None), key=lambda one: one.opened_at)
    if not over or over[-1].decision_id is None or len(over) < len(rows):
        return len(over), None
    return len(over), await session.get_one(ReviewDecisionRow, over[-1].decision_id)


def _counts_since(decision: ReviewDecisionRow, card: CardRow) -> bool:
    """Return whether the decision was applied after the card was reopened; an earlier one is history only."""
    return card.reopened_at is None or (decision.applied_at is not None and decision.applied_at >= card.reopened_at)


async def _person_wanted(session: AsyncSession, card_id: str) -> bool:
    """Whether the open task was asked for by operations: an answer that comes now must not leave it open for ever."""
    asked = (
        WorkItemRow.card_id == card_id,
        WorkItemRow.kind == REVIEW,
        WorkItemRow.closed_at.is_(None),
        WorkItemRow.reasons.contains([ReviewReason.OPERATIONS.value]),
    )
    return bool((await session.execute(select(exists().where(*asked)))).scalar_one())


async def _attempt(session: AsyncSession, card_id: str) -> int:
    """The attempt that pays the card: that of its newest order, or the next where that one was held before it was made."""
    counted = select(func.count()).select_from(PayoutRow).where(PayoutRow.card_id == card_id)
    orders = int((await session.execute(counted)).scalar_one())
    held = await session.get(PayoutWaitRow, payout_key(card_id, orders + 1))
    return max(1, orders if held is None else orders + 1)


def _still_counts(quote: QuoteRow, card: CardRow) -> bool:
    """An open quote for these fields is made again under its own number; any other is followed by a new one."""
    return quote.state is QuoteState.OPEN and quote.fields_revision == card.fields_revision


def _standing(quote: QuoteRow | None, card: CardRow, approved: frozenset[str]) -> QuoteRow | None:
    """The newest quote where it was accepted, or was put before the seller and nothing is left to be reviewed."""
    if quote is None or quote.state in ACCEPTED_ONCE:
        return quote
    offered = quote.offered_at is not None and _still_counts(quote, card)
    return quote if offered and not frozenset(quote.review_reasons) - approved else None


def _ended(quote: QuoteRow | None, decision: ReviewDecisionRow | None) -> tuple[Outcome, EndReason, str | None] | None:
    """How the card ended, where the row of its end was not written any more."""
    if decision is not None and decision.outcome is ReviewOutcome.REJECT and decision.reject_reason is not None:
        return Outcome.REJECTED, EndReason.REVIEWER, decision.reject_reason.value
    if quote is not None and quote.state in ENDED_BY_QUOTE:
        return (*ENDED_BY_QUOTE[quote.state], None)
    return None
