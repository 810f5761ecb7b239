"""Operations end a card before any payment: quote, debt, review and clock are closed with it in one transaction, or nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import is_pending
from database.repositories import cards
from database.repositories.cards import Change
from database.repositories.notices import tell
from database.tables.cards import CardRow, QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReviewDraftRow, WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.notices.kinds import NoticeKind
from domain.work.kinds import REVIEW
from domain.work.lease import holder_of
from services.cards import securing
from services.cards.reversing import reverse_acceptance
from services.work import items, sla

VOID_WHY = "cancelled"
STANDING = frozenset({QuoteState.ACCEPTED, QuoteState.VOIDED})


class NotEnded(StrEnum):
    """Why operations cannot end a card."""

    ENDED = "ended"  # It has ended already.
    ORDERED = "ordered"  # A payment order was made: it is paid, or owed under another payee.
    SECURED = "secured"  # Its issuer was asked to lock or redeem it for us.


@dataclass(frozen=True)
class Ending:
    """Who ends a card and why: `by` is person:<id> or machine, `repair_id` what they did it with."""

    reason: EndReason
    by: str
    repair_id: str


async def why_not_ended(session: AsyncSession, card: CardRow) -> NotEnded | None:
    """Return what keeps operations from ending this card; None when nothing does."""
    if card.outcome is not None:
        return NotEnded.ENDED
    if (await session.execute(select(exists().where(PayoutRow.card_id == card.id)))).scalar_one():
        return NotEnded.ORDERED
    accepted = select(QuoteRow.id).where(QuoteRow.card_id == card.id, QuoteRow.state.in_(STANDING))
    for quote_id in (await session.execute(accepted)).scalars():
        if await securing.asked_for(session, card.id, quote_id):
            return NotEnded.SECURED
    return None


async def end_card(session: AsyncSession, card_id: str, ending: Ending, now: datetime) -> NotEnded | None:
    """End the card as cancelled; return why not when it cannot be. The same ending again changes nothing.

    An open quote is void, an acceptance is reversed, the review task closes with its lease, drafts and pending decision,
    and everyone who worked on it is notified. Refuses NotFound.
    """
    await _open_task(session, card_id)  # In the order in which a decision takes both locks.
    card = await cards.load_for_update(session, card_id)
    if card.outcome is Outcome.CANCELLED:
        return None
    if (why := await why_not_ended(session, card)) is not None:
        return why
    await _close_quotes(session, card, now)
    await _close_review(session, card, now)
    await _record(session, card, ending)
    await sla.stop(session, card_id, now)
    return None


async def _close_quotes(session: AsyncSession, card: CardRow, now: datetime) -> None:
    chosen = select(QuoteRow).where(QuoteRow.card_id == card.id).with_for_update()
    for quote in (await session.execute(chosen)).scalars():
        if quote.state is QuoteState.OPEN:
            quote.state, quote.answered_at = QuoteState.VOIDED, now
        await reverse_acceptance(session, card, quote)


async def _close_review(session: AsyncSession, card: CardRow, now: datetime) -> None:
    task = await _open_task(session, card.id)
    if task is None:
        return
    pending = select(ReviewDecisionRow).where(ReviewDecisionRow.task_id == task.id, is_pending()).with_for_update()
    made = (await session.execute(pending)).scalars().all()
    people = await _at_work(session, task, made, now)
    for decision in made:
        decision.void_at, decision.void_why = now, VOID_WHY
    await items.closed(session, task, now)
    key = f"{NoticeKind.CARD_ENDED}:{task.id}"
    await tell(session, people, NoticeKind.CARD_ENDED, key, card_id=card.id, task_id=task.id)


async def _at_work(
    session: AsyncSession, task: WorkItemRow, made: Sequence[ReviewDecisionRow], now: datetime
) -> set[str]:
    """Everyone who holds the task, was given it, decided or checked it, or has written about it."""
    writing = select(ReviewDraftRow.person_id).where(ReviewDraftRow.task_id == task.id)
    people = {*(await session.execute(writing)).scalars(), *(one.person_id for one in made)}
    people |= {holder_of(task, now), task.assigned_to, task.blind_by}
    return {person for person in people if person is not None}


async def _record(session: AsyncSession, card: CardRow, ending: Ending) -> None:
    outcome = Outcome.CANCELLED
    facts = {"outcome": outcome.value, "reason": ending.reason.value, "repair": ending.repair_id}
    change = Change(
        Stage.ENDED, WaitingFor.NOBODY, None, "journey.cancelled", facts,
        actor=ending.by, outcome=outcome, reason=ending.reason,
    )  # fmt: skip
    await cards.record(session, card.id, change)


async def _open_task(session: AsyncSession, card_id: str) -> WorkItemRow | None:
    """The card's open review task, locked."""
    columns = (WorkItemRow.card_id == card_id, WorkItemRow.kind == REVIEW, WorkItemRow.closed_at.is_(None))
    return (await session.execute(select(WorkItemRow).where(*columns).with_for_update())).scalar_one_or_none()
